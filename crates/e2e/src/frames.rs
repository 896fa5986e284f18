//! Frames of the stream, read leniently: an unknown kind or field is not an error.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::moment::{self, Millis};

/// What the stream says.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// The state of the line, the same for all.
    Progress(Progress),
    /// The seats that are left, the same for all.
    Seats { span: Span, slots: BTreeMap<String, i64> },
    /// `paused`, `resumed`, `sold_out`, `closed`, `message`.
    Notice { kind: String, span: Span },
    /// About the one ticket.
    Personal(Personal),
}

/// The part of the log that a shared frame covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Span {
    pub from: u64,
    pub to: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Progress {
    #[serde(flatten)]
    pub span: Span,
    pub at: String,
    pub serving: u64,
    pub total: u64,
    pub rate: Option<f64>,
    pub state: Option<String>,
}

/// A frame about one ticket, or the same thing as an answer to `?wait=`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Personal {
    #[serde(rename = "type")]
    pub kind: String,
    pub seq: Option<u64>,
    pub code: Option<String>,
    pub position: Option<u64>,
    pub ahead: Option<u64>,
    pub until: Option<String>,
    pub pass: Option<String>,
    pub slot: Option<String>,
    pub seats: Option<i64>,
    pub booking: Option<String>,
    pub reference: Option<String>,
}

impl Personal {
    pub fn until_ms(&self) -> Option<Millis> {
        self.until.as_deref().and_then(moment::parse)
    }
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Seats {
    #[serde(flatten)]
    span: Span,
    slots: BTreeMap<String, i64>,
}

/// Reads one text frame.
pub fn read(text: &str) -> Result<Frame, String> {
    let broken = |error: serde_json::Error| format!("{error} in frame {text}");
    let Kind { kind } = serde_json::from_str(text).map_err(broken)?;
    match &*kind {
        "progress" => Ok(Frame::Progress(serde_json::from_str(text).map_err(broken)?)),
        "seats" => {
            let Seats { span, slots } = serde_json::from_str(text).map_err(broken)?;
            Ok(Frame::Seats { span, slots })
        }
        "paused" | "resumed" | "sold_out" | "closed" | "message" => {
            let span = serde_json::from_str(text).map_err(broken)?;
            Ok(Frame::Notice { kind: kind.into_owned(), span })
        }
        _ => Ok(Frame::Personal(serde_json::from_str(text).map_err(broken)?)),
    }
}

/// Reads a personal frame out of an answer's body.
pub fn personal(body: &Value) -> Option<Personal> {
    Personal::deserialize(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_shared_and_personal_frames() {
        let progress = r#"{"type":"progress","from":3,"to":9,"at":"2026-11-21T11:00:00.000Z",
            "serving":4,"rate":60,"total":7,"state":"open"}"#;
        let Ok(Frame::Progress(progress)) = read(progress) else { panic!("not progress") };
        assert_eq!((progress.span, progress.serving), (Span { from: 3, to: 9 }, 4));

        let seats = r#"{"type":"seats","from":0,"to":1,"slots":{"a":-1}}"#;
        assert!(matches!(read(seats), Ok(Frame::Seats { slots, .. }) if slots["a"] == -1));

        let held = r#"{"type":"held","slot":"a","seats":2,"until":"1970-01-01T00:00:01.000Z"}"#;
        let Ok(Frame::Personal(held)) = read(held) else { panic!("not personal") };
        assert_eq!((held.until_ms(), held.seats), (Some(1_000), Some(2)));
        assert!(read("{").is_err());
    }
}
