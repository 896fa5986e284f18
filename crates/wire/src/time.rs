//! Times as text: RFC 3339, written in UTC with milliseconds.

use domain::Millis;
use jiff::Timestamp;

/// `2026-12-05T02:00:00.000Z`; a time that RFC 3339 can't say becomes the last one it can.
pub fn format(at: Millis) -> String {
    let millis = i64::try_from(at).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

/// Reads any RFC 3339 time since 1970; what is finer than a millisecond is cut off.
pub fn parse(text: &str) -> Option<Millis> {
    let time: Timestamp = text.parse().ok()?;
    Millis::try_from(time.as_millisecond()).ok()
}

/// For `#[serde(with)]`: a time as text.
pub(crate) mod rfc3339 {
    use std::borrow::Cow;

    use domain::Millis;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(at: &Millis, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&super::format(*at))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Millis, D::Error> {
        let text = Cow::<str>::deserialize(input)?;
        super::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is no RFC 3339 time such as 2026-12-05T11:00:00Z"))
        })
    }
}

/// For `#[serde(with, default)]`: a time as text, or null.
pub(crate) mod optional {
    use domain::Millis;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Time(#[serde(with = "super::rfc3339")] Millis);

    pub(crate) fn serialize<S: Serializer>(at: &Option<Millis>, out: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::rfc3339::serialize(at, out),
            None => out.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<Millis>, D::Error> {
        Ok(Option::<Time>::deserialize(input)?.map(|Time(at)| at))
    }
}
