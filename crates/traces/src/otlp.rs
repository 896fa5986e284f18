//! Spans by OpenTelemetry, sent by its own thread.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use opentelemetry::{
    Context, KeyValue,
    trace::{
        Link, Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags,
        TraceId, TraceState, Tracer as _, TracerProvider as _,
    },
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use ports::Trace;

use crate::{Kind, Settings};

/// Where OTLP over HTTP takes spans.
const PATH: &str = "/v1/traces";

static SINK: OnceLock<Sink> = OnceLock::new();

struct Sink {
    tracer: SdkTracer,
    ratio: f64,
    /// Commands that came in.
    came: AtomicU64,
}

/// Whether the command that just came in is traced: every n-th one is.
#[inline]
pub(crate) fn sampled() -> bool {
    SINK.get().is_some_and(Sink::sampled)
}

impl Sink {
    fn sampled(&self) -> bool {
        let came = self.came.fetch_add(1, Relaxed) as f64;
        ((came + 1.0) * self.ratio).floor() > (came * self.ratio).floor()
    }
}

/// A span; it ends when it is dropped.
#[derive(Debug)]
pub struct Span(opentelemetry_sdk::trace::Span);

impl Span {
    pub(crate) fn root(name: &'static str, event: &str) -> Self {
        let sink = SINK.get().expect("only who looked there came here");
        let builder = builder(name, Kind::Server, event);
        Self(sink.tracer.build_with_context(builder, &Context::new()))
    }

    pub(crate) fn begin(
        name: &'static str,
        kind: Kind,
        event: &str,
        before: Trace,
        others: &[Trace],
    ) -> Option<Self> {
        let sink = SINK.get()?;
        let links = others.iter().map(|trace| Link::with_context(context(*trace))).collect();
        let builder = builder(name, kind, event).with_links(links);
        let parent = Context::new().with_remote_span_context(context(before));
        Some(Self(sink.tracer.build_with_context(builder, &parent)))
    }

    /// What travels on.
    pub fn trace(&self) -> Trace {
        let context = self.0.span_context();
        Trace {
            trace: u128::from_be_bytes(context.trace_id().to_bytes()),
            span: u64::from_be_bytes(context.span_id().to_bytes()),
        }
    }
}

fn builder(name: &'static str, kind: Kind, event: &str) -> SpanBuilder {
    let mut attributes = vec![KeyValue::new("twinkle.event", event.to_owned())];
    if matches!(kind, Kind::Producer | Kind::Consumer) {
        attributes.push(KeyValue::new("messaging.system", "kafka"));
    }
    SpanBuilder::from_name(name).with_attributes(attributes).with_kind(match kind {
        Kind::Server => SpanKind::Server,
        Kind::Producer => SpanKind::Producer,
        Kind::Consumer => SpanKind::Consumer,
        Kind::Internal => SpanKind::Internal,
    })
}

fn context(trace: Trace) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(trace.trace.to_be_bytes()),
        SpanId::from_bytes(trace.span.to_be_bytes()),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    )
}

/// Sends what is left on [`shutdown`](Self::shutdown).
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends what is left. Blocks until the collector answered, a few seconds at most.
    pub fn shutdown(self) {
        // Spans that a collector does not take are lost: nobody waits for them.
        let _ = self.0.shutdown();
    }
}

/// Starts sending; what is sampled from now on is traced.
///
/// # Errors
/// When the address makes no sense, or it was started before.
pub fn start(settings: &Settings) -> Result<Traces, String> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .with_endpoint(format!("{}{PATH}", settings.endpoint.trim_end_matches('/')))
        .build()
        .map_err(|error| error.to_string())?;
    let roles = KeyValue::new("twinkle.roles", settings.roles.clone());
    let resource = Resource::builder().with_service_name("twinkle").with_attribute(roles);
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build();
    let tracer = provider.tracer("twinkle");
    let sink = Sink { tracer, ratio: settings.ratio, came: AtomicU64::new(0) };
    SINK.set(sink).map_err(|_| "traces were started before".to_owned())?;
    Ok(Traces(provider))
}
