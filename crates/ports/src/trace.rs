//! Where a traced command stands, as W3C Trace Context writes it.

use std::{fmt, str::FromStr};

/// Bytes of its text: `00-<32 hex digits>-<16 hex digits>-01`.
const TEXT_BYTES: usize = 55;

/// A span of a trace that is recorded. Traces that are not recorded have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Trace {
    /// The same all the way from the request to the frame.
    pub trace: u128,
    pub span: u64,
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.trace, self.span)
    }
}

/// No text of a recorded span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no traceparent of a recorded span")]
pub struct InvalidTrace;

impl FromStr for Trace {
    type Err = InvalidTrace;

    fn from_str(text: &str) -> Result<Self, InvalidTrace> {
        let hex = |range| text.get(range).filter(|digits: &&str| !digits.contains('+'));
        let shape = text.len() == TEXT_BYTES && text.starts_with("00-") && text.ends_with("-01");
        let (trace, span) = hex(3..35).zip(hex(36..52)).filter(|_| shape).ok_or(InvalidTrace)?;
        let trace = u128::from_str_radix(trace, 16).map_err(|_| InvalidTrace)?;
        let span = u64::from_str_radix(span, 16).map_err(|_| InvalidTrace)?;
        let whole = trace != 0 && span != 0 && text.as_bytes()[35] == b'-';
        if whole { Ok(Self { trace, span }) } else { Err(InvalidTrace) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_is_a_traceparent() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace: Trace = text.parse().expect("a trace");
        assert_eq!((trace.span, trace.to_string().as_str()), (0x00f0_67aa_0ba9_02b7, text));
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7--01",
            "00-4bf92f3577b34da6a3ce929d0e0e47é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(bad.parse::<Trace>(), Err(InvalidTrace), "{bad}");
        }
    }
}
