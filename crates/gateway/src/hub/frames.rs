//! The frames that all sockets of an event share, made once (R11).

use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use wire::{
    frame::{self, Turn},
    view::{Progress, Standing},
};

/// What all sockets look at.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) frames: Arc<Frames>,
    /// Counts heartbeats: the same frames, said again.
    pub(crate) beat: u64,
    /// The process is about to end.
    pub(crate) draining: bool,
}

impl Shown {
    pub(crate) fn new(frames: Frames) -> Self {
        Self { frames: Arc::new(frames), beat: 0, draining: false }
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
    /// The last of the news, which is the heartbeat, too.
    pub(crate) beat: Utf8Bytes,
    whole: OnceLock<Vec<Utf8Bytes>>,
    progress: Progress,
}

impl Frames {
    pub(crate) fn first(progress: &Progress) -> Self {
        Self::new(0, progress.clone(), Vec::new())
    }

    fn new(number: u64, progress: Progress, mut news: Vec<Utf8Bytes>) -> Self {
        let beat = Utf8Bytes::from(frame::progress(&progress));
        news.push(beat.clone());
        let (to, standing) = (progress.to, progress.standing());
        Self { number, to, standing, news, beat, whole: OnceLock::new(), progress }
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

fn whole(progress: &Progress) -> Vec<Utf8Bytes> {
    let mut frames = vec![frame::seats(progress), frame::progress(progress)];
    frames.extend(Turn::present(progress).into_iter().map(|turn| frame::turn(turn, progress)));
    frames.into_iter().map(Utf8Bytes::from).collect()
}

fn seats(slot: &wire::view::SlotProgress) -> (&str, u32) {
    (slot.id.as_str(), slot.remaining())
}
