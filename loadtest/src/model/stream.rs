//! One socket's view of the line: spans join up, nobody's `ahead` grows, no place changes.

use super::frames::Frame;

/// What a browser was last told; it outlives its sockets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sight {
    /// Span of the last shared frame on this socket.
    span: Option<(u64, u64)>,
    serving: u32,
    pub position: Option<u32>,
    /// The smallest `ahead` so far.
    floor: Option<u32>,
    /// The log below this offset has been covered by a frame.
    pub covered: u64,
}

impl Sight {
    /// A new socket: spans and `serving` start anew, `ahead` does not.
    pub fn connected(&mut self) {
        (self.span, self.serving) = (None, 0);
    }

    /// Takes in a frame that all share; true if it covers more of the log than the one before on
    /// the same socket.
    pub fn shared(&mut self, (from, to): (u64, u64), serving: Option<u32>) -> Result<bool, String> {
        let news = self.span.is_some_and(|(_, last)| to > last);
        let before = self.span.replace((from, to));
        self.covered = self.covered.max(to);
        if from > to {
            return Err(format!("a frame covers {from} to {to}"));
        }
        if let Some((_, last)) = before {
            if to < last {
                return Err(format!("after a frame to {last} came one to {to}"));
            }
            if news && from != last {
                return Err(format!("after a frame to {last} came one from {from}"));
            }
        }
        if let Some(serving) = serving {
            self.served(serving)?;
        }
        Ok(news)
    }

    fn served(&mut self, serving: u32) -> Result<(), String> {
        let before = std::mem::replace(&mut self.serving, serving);
        if serving < before {
            return Err(format!("serving went from {before} back to {serving}"));
        }
        match self.position {
            Some(position) => self.ahead(position.saturating_sub(1).saturating_sub(serving)),
            None => Ok(()),
        }
    }

    /// Takes in a frame or an answer that tells the own place.
    pub fn waiting(&mut self, frame: &Frame) -> Result<(), String> {
        let (Some(position), Some(ahead)) = (frame.position, frame.ahead) else {
            return Err("a place was told without position or ahead".to_owned());
        };
        let before = self.position.replace(position);
        if position == 0 || before.is_some_and(|before| before != position) {
            return Err(format!("the position went from {before:?} to {position}"));
        }
        if ahead >= position {
            return Err(format!("{ahead} are ahead of position {position}"));
        }
        self.ahead(ahead)
    }

    fn ahead(&mut self, ahead: u32) -> Result<(), String> {
        let before = self.floor;
        self.floor = Some(before.map_or(ahead, |floor| floor.min(ahead)));
        match before {
            Some(floor) if ahead > floor => {
                Err(format!("ahead grew from {floor} to {ahead} at position {:?}", self.position))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(position: u32, ahead: u32) -> Frame {
        let text = format!(r#"{{"type":"waiting","position":{position},"ahead":{ahead}}}"#);
        Frame::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_orderly_stream_passes() {
        let mut sight = Sight::default();
        assert_eq!(sight.shared((0, 5), None), Ok(false), "the first tells what was before");
        assert_eq!(sight.shared((0, 5), Some(2)), Ok(false));
        assert_eq!(sight.waiting(&place(10, 7)), Ok(()));
        assert_eq!(sight.shared((5, 8), Some(4)), Ok(true));
        assert_eq!(sight.shared((5, 8), Some(4)), Ok(false), "a heartbeat");
        // All there is, for a socket that missed frames; then the frame that the others had.
        assert_eq!(sight.shared((8, 20), Some(4)), Ok(true));
        assert_eq!(sight.shared((15, 20), Some(4)), Ok(false));
        sight.connected();
        assert_eq!(sight.shared((19, 21), Some(4)), Ok(false));
        assert_eq!(sight.waiting(&place(10, 5)), Ok(()));
        assert_eq!(sight.covered, 21);
    }

    #[test]
    fn a_gap_is_found() {
        let mut sight = Sight::default();
        sight.shared((0, 5), None).unwrap();
        assert!(sight.shared((6, 8), None).is_err());
        assert!(sight.shared((7, 9), None).is_err(), "it covers again what was told");
        assert!(sight.shared((0, 3), None).is_err());
        assert!(sight.shared((9, 8), None).is_err());
    }

    #[test]
    fn a_growing_ahead_is_found() {
        let mut sight = Sight::default();
        sight.shared((0, 5), Some(6)).unwrap();
        sight.waiting(&place(10, 3)).unwrap();
        assert!(sight.shared((5, 6), Some(5)).is_err(), "serving went back");
        let mut sight = Sight::default();
        sight.waiting(&place(10, 3)).unwrap();
        sight.connected();
        assert!(sight.shared((0, 5), Some(2)).is_err(), "10 - 1 - 2 = 7 are more than 3");
        assert!(sight.waiting(&place(10, 4)).is_err());
    }

    #[test]
    fn a_changed_or_impossible_place_is_found() {
        let mut sight = Sight::default();
        sight.waiting(&place(10, 3)).unwrap();
        assert!(sight.waiting(&place(11, 3)).is_err());
        assert!(Sight::default().waiting(&place(0, 0)).is_err());
        assert!(Sight::default().waiting(&place(5, 5)).is_err());
    }
}
