//! Time as the driver sees it: milliseconds since the Unix epoch, and RFC 3339 read into them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, or a span of milliseconds.
pub type Millis = i64;

pub fn now() -> Millis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since_epoch.as_millis() as Millis
}

/// Reads a time such as `2026-12-05T02:00:00.000Z`.
pub fn parse(text: &str) -> Option<Millis> {
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
}

/// The time of day, for people.
pub fn to_text(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|e| e.to_string(), |t| format!("{t:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rfc_3339() {
        assert_eq!(parse("1970-01-01T00:00:01.500Z"), Some(1_500));
        assert_eq!(parse("1970-01-01T09:00:00.000+09:00"), Some(0));
        assert_eq!(parse("soon"), None);
    }
}
