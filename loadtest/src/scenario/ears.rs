//! What all sockets say: each frame judged, its age measured.

use std::rc::Rc;

use crate::{
    latency::Latency,
    model::{
        frames::{Frame, Kind, Recent},
        stream::Sight,
    },
    pace,
};

#[derive(Default)]
pub struct Ears {
    recent: Recent,
    pub frames: u64,
    /// From what a frame tells of to its receipt.
    pub age: Latency,
    /// The same in the second that runs.
    pub recent_age: Latency,
    /// The same before all were there.
    pub age_opening: Latency,
    /// The same while all hang up.
    pub age_closing: Latency,
    /// Personal frames and seats are kept in `told` for whoever acts on them.
    pub collects: bool,
    pub told: Vec<(usize, Rc<Frame>)>,
}

impl Ears {
    /// Takes a frame in; true if it tells of the own ticket.
    pub fn hear(
        &mut self,
        who: usize,
        text: &[u8],
        sight: &mut Sight,
        has_ticket: bool,
    ) -> Result<bool, String> {
        self.frames += 1;
        let frame = self.recent.read(text)?;
        let judged = match frame.span() {
            Some(span) => self.shared(span, &frame, sight).map(|()| false),
            None => personal(&frame, sight, has_ticket),
        };
        if self.collects && (frame.span().is_none() || frame.kind == Kind::Seats) {
            self.told.push((who, frame));
        }
        judged
    }

    fn shared(&mut self, span: (u64, u64), frame: &Frame, sight: &mut Sight) -> Result<(), String> {
        let news = sight.shared(span, frame.serving)?;
        if let Some(at) = frame.at.filter(|_| news) {
            let age_ms = pace::wall_ms().saturating_sub(at.as_millisecond()).max(0);
            self.age.record_us(age_ms.unsigned_abs() * 1_000);
            self.recent_age.record_us(age_ms.unsigned_abs() * 1_000);
        }
        Ok(())
    }
}

fn personal(frame: &Frame, sight: &mut Sight, has_ticket: bool) -> Result<bool, String> {
    match frame.kind {
        Kind::None if has_ticket => Err("was told to have no ticket".to_owned()),
        Kind::None => Ok(false),
        Kind::Waiting => sight.waiting(frame).map(|()| true),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_frame_has_an_age_and_a_heartbeat_has_none() {
        let (mut ears, mut sight) = (Ears::default(), Sight::default());
        let mut hear = |from: u64, to: u64| {
            let at = "2026-01-01T00:00:00.000Z";
            let text = format!(r#"{{"type":"progress","from":{from},"to":{to},"at":"{at}"}}"#);
            let told = ears.hear(0, text.as_bytes(), &mut sight, false);
            (told, ears.age.count())
        };
        assert_eq!(hear(1, 2), (Ok(false), 0), "what was before the socket opened");
        assert_eq!(hear(2, 3), (Ok(false), 1));
        assert_eq!(hear(2, 3), (Ok(false), 1));
        assert!(hear(4, 5).0.is_err(), "a gap");
        assert_eq!(ears.frames, 4);
    }

    #[test]
    fn who_joined_must_not_be_told_otherwise() {
        let mut ears = Ears { collects: true, ..Ears::default() };
        let mut hear = |text: &str, has_ticket| {
            ears.hear(3, text.as_bytes(), &mut Sight::default(), has_ticket)
        };
        assert_eq!(hear(r#"{"type":"none"}"#, false), Ok(false));
        assert!(hear(r#"{"type":"none"}"#, true).is_err());
        assert_eq!(hear(r#"{"type":"waiting","position":2,"ahead":1}"#, true), Ok(true));
        assert!(hear("{", true).is_err());
        assert_eq!(ears.told.len(), 3);
    }
}
