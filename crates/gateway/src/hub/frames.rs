//! The frames that all sockets of a lane share, made once (R11).

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{
    Utf8Bytes,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};
use wire::{
    frame::{self, Turn},
    view::{Progress, Standing},
};

/// What all sockets of a lane look at.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) frames: Arc<Frames>,
    /// When these were given out.
    pub(crate) at: Instant,
    /// The process is about to end.
    pub(crate) draining: bool,
}

impl Shown {
    pub(crate) fn new(frames: Frames) -> Self {
        Self { frames: Arc::new(frames), at: Instant::now(), draining: false }
    }
}

/// The frames of one moment.
pub(crate) struct Frames {
    /// Counts up by one; who missed a number gets [`whole`](Self::whole) instead of the news.
    pub(crate) number: u64,
    pub(crate) to: u64,
    /// What these frames let everyone reckon their place with.
    pub(crate) standing: Standing,
    /// What changed since the frames before; the progress goes last.
    pub(crate) news: Vec<Utf8Bytes>,
    /// The news as they go over the line.
    pub(crate) news_bytes: Bytes,
    /// The last of the news, which is the heartbeat, too.
    pub(crate) beat_bytes: Bytes,
    whole: OnceLock<Vec<Utf8Bytes>>,
    progress: Progress,
}

impl Frames {
    pub(crate) fn first(progress: &Progress) -> Self {
        Self::new(0, progress.clone(), Vec::new())
    }

    fn new(number: u64, progress: Progress, mut news: Vec<Utf8Bytes>) -> Self {
        let beat = Utf8Bytes::from(frame::progress(&progress));
        let beat_bytes = line_bytes(std::slice::from_ref(&beat));
        news.push(beat);
        let news_bytes = line_bytes(&news);
        let (to, standing, whole) = (progress.to, progress.standing(), OnceLock::new());
        Self { number, to, standing, news, news_bytes, beat_bytes, whole, progress }
    }

    /// The frames after these; they cover the log from where these ended.
    pub(crate) fn next(&self, progress: &Progress) -> Self {
        let progress = Progress { from: self.to, ..progress.clone() };
        let mut news = Vec::new();
        if !self.progress.slots.iter().map(seats).eq(progress.slots.iter().map(seats)) {
            news.push(frame::seats(&progress).into());
        }
        let turns = Turn::between(&self.progress, &progress);
        news.extend(turns.into_iter().map(|turn| frame::turn(turn, &progress).into()));
        Self::new(self.number + 1, progress, news)
    }

    /// Would the frames of this progress say anything new, but for the time?
    pub(crate) fn differ(&self, progress: &Progress) -> bool {
        let said = |progress: &Progress| {
            (progress.state, progress.serving, progress.total, progress.rate, progress.sold_out)
        };
        said(&self.progress) != said(progress)
            || !self.progress.slots.iter().map(seats).eq(progress.slots.iter().map(seats))
    }

    /// All there is to say, for a socket that has just come.
    pub(crate) fn whole(&self) -> &[Utf8Bytes] {
        self.whole.get_or_init(|| whole(&self.progress))
    }

    /// All there is to say, for a socket that has missed frames since `covered`. It missed nothing
    /// personal, so the frames cover all of the span and it need not read its state again.
    pub(crate) fn whole_since(&self, covered: u64) -> Vec<Utf8Bytes> {
        whole(&Progress { from: covered, ..self.progress.clone() })
    }
}

/// WebSocket frames of these texts, as a server sends them.
fn line_bytes(texts: &[Utf8Bytes]) -> Bytes {
    let mut bytes = Vec::new();
    for text in texts {
        let frame = Frame::message(text.clone(), OpCode::Data(Data::Text), true);
        // Memory takes whatever is written.
        let _ = frame.format(&mut bytes);
    }
    bytes.into()
}

fn whole(progress: &Progress) -> Vec<Utf8Bytes> {
    let mut frames = vec![frame::seats(progress), frame::progress(progress)];
    frames.extend(Turn::present(progress).into_iter().map(|turn| frame::turn(turn, progress)));
    frames.into_iter().map(Utf8Bytes::from).collect()
}

fn seats(slot: &wire::view::SlotProgress) -> (&str, u32) {
    (slot.id.as_str(), slot.remaining())
}

#[cfg(test)]
pub(super) mod tests {
    use domain::EventState;
    use serde_json::Value;
    use wire::view::SlotProgress;

    use super::*;

    pub(in super::super) fn progress(to: u64, serving: u32, sold: u32) -> Progress {
        Progress {
            from: to.saturating_sub(1),
            to,
            at: 0,
            state: EventState::Open,
            serving,
            total: 100,
            rate: 60,
            waiting: 0,
            admitted: 0,
            inside: 0,
            holding: 0,
            booked: 0,
            sold_out: sold == 20,
            slots: vec![SlotProgress { id: "s".parse().unwrap(), capacity: 20, held: 0, sold }],
        }
    }

    fn spans(frames: &[Utf8Bytes]) -> Vec<(String, u64, u64)> {
        let read = |text: &Utf8Bytes| {
            let frame: Value = serde_json::from_str(text).unwrap();
            let offset = |name: &str| frame[name].as_u64().unwrap();
            (frame["type"].as_str().unwrap().to_owned(), offset("from"), offset("to"))
        };
        frames.iter().map(read).collect()
    }

    fn span(kind: &str, from: u64, to: u64) -> (String, u64, u64) {
        (kind.to_owned(), from, to)
    }

    #[test]
    fn news_say_what_changed_and_join_up() {
        let first = Frames::first(&progress(10, 1, 0));
        assert_eq!(spans(first.whole()), [span("seats", 9, 10), span("progress", 9, 10)]);
        let second = first.next(&progress(15, 2, 0));
        assert_eq!(spans(&second.news), [span("progress", 10, 15)]);
        let third = second.next(&progress(17, 2, 20));
        let news = [span("seats", 15, 17), span("sold_out", 15, 17), span("progress", 15, 17)];
        assert_eq!(spans(&third.news), news);
        assert_eq!((first.number, second.number, third.number), (0, 1, 2));
    }

    #[test]
    fn who_missed_frames_gets_all_without_a_gap() {
        let later = Frames::first(&progress(10, 1, 0)).next(&progress(15, 2, 20));
        let all = [span("seats", 8, 15), span("progress", 8, 15), span("sold_out", 8, 15)];
        assert_eq!(spans(&later.whole_since(8)), all);
        assert_eq!(spans(later.whole())[1], span("progress", 10, 15));
    }

    #[test]
    fn time_alone_is_no_news() {
        let frames = Frames::first(&progress(10, 1, 0));
        assert!(!frames.differ(&Progress { at: 99, ..progress(12, 1, 0) }));
        assert!(frames.differ(&progress(12, 2, 0)));
        assert!(frames.differ(&progress(12, 1, 1)));
        assert!(frames.differ(&Progress { state: EventState::Paused, ..progress(12, 1, 0) }));
    }

    #[test]
    fn bytes_are_the_frames_of_the_texts() {
        let frames = Frames::first(&progress(10, 1, 0)).next(&progress(15, 2, 3));
        // A final text frame without a mask, and its length (RFC 6455, 5.2).
        let line = |text: &Utf8Bytes| {
            let length = u8::try_from(text.len()).unwrap();
            assert!(length < 126);
            [&[0x81, length], text.as_bytes()].concat()
        };
        let [seats, beat] = &frames.news[..] else { panic!("{:?}", frames.news) };
        assert_eq!(frames.beat_bytes, line(beat));
        assert_eq!(frames.news_bytes, [line(seats), line(beat)].concat());
    }
}
