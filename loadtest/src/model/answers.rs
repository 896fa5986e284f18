//! Answers: the same command asked again gets the same one.

use super::frames::{Frame, Kind};

/// What an answer says, without what may change: pass and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub kind: Kind,
    pub code: Option<String>,
    pub slot: Option<String>,
    pub seats: Option<u32>,
    pub booking: Option<String>,
}

impl Known {
    pub fn refused(code: &str) -> Self {
        let code = Some(code.to_owned());
        Self { kind: Kind::Refused, code, slot: None, seats: None, booking: None }
    }

    /// Was refused for this reason.
    pub fn is_refused(&self, code: &str) -> bool {
        self.kind == Kind::Refused && self.code.as_deref() == Some(code)
    }
}

impl From<&Frame> for Known {
    fn from(frame: &Frame) -> Self {
        let Frame { kind, code, slot, seats, booking, .. } = frame.clone();
        Self { kind, code, slot, seats, booking }
    }
}

/// The answer to the latest command of one shopper.
#[derive(Debug, Default)]
pub struct Answers(Option<(u64, Known)>);

impl Answers {
    /// Takes in an answer to command `seq`; true if it is the first one.
    pub fn take(&mut self, seq: u64, known: &Known) -> Result<bool, String> {
        match &self.0 {
            Some((last, first)) if *last == seq && first != known => {
                Err(format!("command {seq} was answered {first:?}, then {known:?}"))
            }
            Some((last, _)) if *last >= seq => Ok(false),
            _ => {
                self.0 = Some((seq, known.clone()));
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(slot: &str) -> Known {
        let text = format!(r#"{{"type":"held","slot":"{slot}","seats":2,"until":null}}"#);
        Known::from(&Frame::read(text.as_bytes()).unwrap())
    }

    #[test]
    fn the_same_answer_again_passes() {
        let mut answers = Answers::default();
        assert_eq!(answers.take(1, &held("a")), Ok(true));
        assert_eq!(answers.take(1, &held("a")), Ok(false));
        assert_eq!(answers.take(2, &held("b")), Ok(true));
        assert_eq!(answers.take(1, &held("a")), Ok(false), "a late echo");
    }

    #[test]
    fn another_answer_to_the_same_command_is_found() {
        let mut answers = Answers::default();
        answers.take(1, &held("a")).unwrap();
        assert!(answers.take(1, &held("b")).is_err());
        assert!(answers.take(1, &Known::refused("not_enough_seats")).is_err());
    }

    #[test]
    fn a_refusal_has_a_reason() {
        assert!(Known::refused("no_hold").is_refused("no_hold"));
        assert!(!Known::refused("no_hold").is_refused("stale_seq"));
    }
}
