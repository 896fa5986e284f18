//! Frames of the stream, read leniently: an unknown kind or field is not an error.

use std::{collections::BTreeMap, rc::Rc};

use jiff::Timestamp;
use serde::Deserialize;

/// Distinct shared frames that are remembered: a few kinds of the last few moments.
const RECENT_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Progress,
    Seats,
    Message,
    Paused,
    Resumed,
    SoldOut,
    Closed,
    Registered,
    Waiting,
    Admitted,
    Inside,
    Held,
    Released,
    Booked,
    Refused,
    Expired,
    Cancelled,
    Left,
    None,
    #[serde(other)]
    Unknown,
}

/// A frame, or the same thing as an answer to `?wait=`: what a kind has not is `None`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Frame {
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The part of the log that a shared frame covers.
    pub from: Option<u64>,
    pub to: Option<u64>,
    pub at: Option<Timestamp>,
    pub serving: Option<u32>,
    pub total: Option<u32>,
    /// Remaining seats of each slot.
    pub slots: Option<BTreeMap<String, i64>>,
    pub position: Option<u32>,
    pub ahead: Option<u32>,
    pub until: Option<Timestamp>,
    pub slot: Option<String>,
    pub seats: Option<u32>,
    pub booking: Option<String>,
    pub seq: Option<u64>,
    pub code: Option<String>,
}

impl Frame {
    pub fn read(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text)
            .map_err(|error| format!("{error} in frame {}", String::from_utf8_lossy(text)))
    }

    /// The span of a frame that all share.
    pub fn span(&self) -> Option<(u64, u64)> {
        self.from.zip(self.to)
    }
}

/// Frames that came before are not read again: thousands of sockets get the same bytes.
#[derive(Debug, Default)]
pub struct Recent {
    known: Vec<(Box<[u8]>, Rc<Frame>)>,
    /// The one that gives way next.
    oldest: usize,
    /// Where the last one was found: the next socket most likely has the same.
    last: usize,
}

impl Recent {
    pub fn read(&mut self, text: &[u8]) -> Result<Rc<Frame>, String> {
        let is_it = |(bytes, _): &&(Box<[u8]>, Rc<Frame>)| **bytes == *text;
        if let Some((_, frame)) = self.known.get(self.last).filter(is_it) {
            return Ok(frame.clone());
        }
        if let Some(at) = self.known.iter().position(|known| is_it(&known)) {
            self.last = at;
            return Ok(self.known[at].1.clone());
        }
        let frame = Rc::new(Frame::read(text)?);
        if frame.span().is_some() || frame.kind == Kind::None {
            self.remember(text, frame.clone());
        }
        Ok(frame)
    }

    fn remember(&mut self, text: &[u8], frame: Rc<Frame>) {
        let known = (Box::from(text), frame);
        if self.known.len() < RECENT_MAX {
            self.last = self.known.len();
            self.known.push(known);
        } else {
            self.last = self.oldest;
            self.known[self.oldest] = known;
            self.oldest = (self.oldest + 1) % RECENT_MAX;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read() {
        let text = br#"{"type":"progress","from":3,"to":9,"at":"1970-01-01T00:00:01.500Z",
            "state":"open","serving":4,"rate":60,"total":10}"#;
        let frame = Frame::read(text).unwrap();
        assert_eq!((frame.kind, frame.span()), (Kind::Progress, Some((3, 9))));
        assert_eq!((frame.serving, frame.total), (Some(4), Some(10)));
        assert_eq!(frame.at.unwrap().as_millisecond(), 1_500);
        let text = br#"{"type":"waiting","position":7,"ahead":2,"eta_secs":null}"#;
        let frame = Frame::read(text).unwrap();
        assert_eq!((frame.kind, frame.position, frame.ahead), (Kind::Waiting, Some(7), Some(2)));
        assert_eq!(Frame::read(br#"{"type":"later"}"#).unwrap().kind, Kind::Unknown);
        assert_eq!(Frame::read(br#"{"type":"sold_out"}"#).unwrap().kind, Kind::SoldOut);
        assert!(Frame::read(b"{").is_err() && Frame::read(b"\xFF\xFE").is_err());
    }

    #[test]
    fn the_same_bytes_are_read_once() {
        let mut recent = Recent::default();
        let text = |to: u64| format!(r#"{{"type":"progress","from":1,"to":{to}}}"#);
        let first = recent.read(text(2).as_bytes()).unwrap();
        assert!(Rc::ptr_eq(&first, &recent.read(text(2).as_bytes()).unwrap()));
        for to in 3..20 {
            assert_eq!(recent.read(text(to).as_bytes()).unwrap().to, Some(to));
            assert_eq!(recent.read(text(to - 1).as_bytes()).unwrap().to, Some(to - 1));
        }
        assert!(recent.known.len() <= RECENT_MAX);
        let personal = br#"{"type":"waiting","position":7,"ahead":2}"#;
        let first = recent.read(personal).unwrap();
        assert!(!Rc::ptr_eq(&first, &recent.read(personal).unwrap()), "nobody else gets this one");
    }
}
