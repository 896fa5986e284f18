//! Spans of sampled commands, from the request to the frame.
//!
//! A command is sampled where it comes in ([`head`]); only then there is a span, and only then a mark
//! travels on. Everywhere else this costs one look at a static.

#[cfg_attr(not(feature = "otlp"), path = "off.rs")]
mod otlp;

use ports::Trace;

pub use otlp::{Span, Traces, start};

/// Most marks of a record, and of a step of the projection; the rest of a crowd is not traced on.
pub const TRACES_MAX: usize = 16;

/// Where spans go, and how many.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Address of an OpenTelemetry collector (OTLP over HTTP), such as `http://collector:4318`.
    pub endpoint: String,
    /// Share of commands that are traced, 0..=1.
    pub ratio: f64,
    /// Roles of this process.
    pub roles: String,
}

/// What a span is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Server,
    Producer,
    Consumer,
    Internal,
}

/// Begins the trace of a command that just came in, if it is one of those that are sampled.
#[inline]
pub fn head(name: &'static str, event: &str) -> Option<Span> {
    otlp::sampled().then(|| Span::root(name, event))
}

/// A span after another one, perhaps of another process.
#[inline]
pub fn after(name: &'static str, kind: Kind, event: &str, before: Trace) -> Option<Span> {
    Span::begin(name, kind, event, before, &[])
}

/// One span for many: it follows the first and has links to the others.
#[inline]
pub fn batch(name: &'static str, kind: Kind, event: &str, before: &[Trace]) -> Option<Span> {
    let (first, others) = before.split_first()?;
    Span::begin(name, kind, event, *first, others)
}

/// The marks that go on from a batch: its own span's for the first, the others as they were.
pub fn onwards(span: Option<&Span>, before: &[Trace]) -> Vec<Trace> {
    let own = span.map(Span::trace);
    let mut marks = before.to_vec();
    if let Some((first, own)) = marks.first_mut().zip(own) {
        *first = own;
    }
    marks
}
