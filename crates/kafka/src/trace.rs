//! Marks of traced commands as headers of a record (W3C Trace Context).

use ports::Trace;
use rdkafka::message::{BorrowedMessage, Header, Headers, Message, OwnedHeaders};

const NAME: &str = "traceparent";
/// Most headers that are looked at: a record has no more from us.
const HEADERS_MAX: usize = 16;

/// One header for each; none at all without marks.
pub(crate) fn headers(traces: &[Trace]) -> Option<OwnedHeaders> {
    let add = |headers: OwnedHeaders, trace: &Trace| {
        headers.insert(Header { key: NAME, value: Some(&trace.to_string()) })
    };
    let some = !traces.is_empty();
    some.then(|| traces.iter().fold(OwnedHeaders::new_with_capacity(traces.len()), add))
}

/// The marks of a record; what is none is left out.
pub(crate) fn of(message: &BorrowedMessage<'_>) -> impl Iterator<Item = Trace> {
    let headers = message.headers().into_iter();
    let headers = headers.flat_map(|headers| headers.iter().take(HEADERS_MAX));
    headers.filter(|header| header.key == NAME).filter_map(|header| {
        let text = std::str::from_utf8(header.value?).ok()?;
        text.parse().ok()
    })
}
