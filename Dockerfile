# syntax=docker/dockerfile:1

# For amd64 and arm64, each built on a machine of its own kind: nothing here names one.
FROM rust:1.95-bookworm AS tools
# chef: a layer of their own for the dependencies. auditable: the list of them stands in the binary,
# so that scanners and SBOM makers see what is in it.
RUN cargo install --locked cargo-chef@0.1.78 cargo-auditable@0.7.7
WORKDIR /src

FROM tools AS plan
COPY . .
RUN cargo chef prepare --recipe-path /recipe.json

FROM tools AS build
# The runtime image has libssl but no zlib: that one is linked in.
ENV LIBZ_SYS_STATIC=1 \
    FEATURES=msk-iam,traces
COPY --from=plan /recipe.json /recipe.json
# Built again only when Cargo.lock or a manifest changes.
RUN cargo chef cook --locked --profile dist --package twinkle --features "$FEATURES" --recipe-path /recipe.json
COPY . .
RUN cargo auditable build --locked --profile dist --package twinkle --features "$FEATURES" \
    && install -D target/dist/twinkle /out/twinkle \
    && install -d /out/data

# glibc, libssl, CA certificates and time zones; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
ARG SOURCE=https://github.com/twinkle-rs/twinkle
LABEL org.opencontainers.image.title="twinkle" \
      org.opencontainers.image.description="Virtual waiting room and time-slot reservation service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/twinkle /usr/local/bin/twinkle
# For an embedded run; mount a volume here to keep its data.
COPY --from=build --chown=65532:65532 /out/data /data
ENV TWINKLE_LISTEN=0.0.0.0:8080 \
    TWINKLE_ADMIN_LISTEN=0.0.0.0:9090 \
    TWINKLE_DATA=/data \
    TWINKLE_LOG_FORMAT=json
EXPOSE 8080 9090
# Numbers, so that an orchestrator can see that it is not root.
USER 65532:65532
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/twinkle", "health"]
ENTRYPOINT ["/usr/local/bin/twinkle"]
CMD ["serve"]
