# syntax=docker/dockerfile:1

FROM rust:1.95-bookworm AS build
WORKDIR /src
# The runtime image has libssl but no zlib: that one is linked in.
ENV LIBZ_SYS_STATIC=1
COPY . .
# Crates and their builds stay in the builder's cache; only a changed crate of ours is built again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --profile dist --package twinkle --features kafka-tls \
    && install -D target/dist/twinkle /out/twinkle \
    && install -d /out/data

# glibc, libssl, CA certificates and time zones; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
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
