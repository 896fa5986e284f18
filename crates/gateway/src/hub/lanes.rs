//! The sockets of an event in lanes. A lane gets its shared frames at one moment; the lanes of a crowd
//! take turns, so that what a crowd is told does not leave in one burst.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::mutants::{Mutant, on};
use tokio::{sync::watch, task::yield_now, time::Instant};
use wire::view::Progress;

use super::{
    frames::{Frames, Shown},
    line::Line,
};
use crate::limits::{
    BEAT_MS, LANE_SOCKETS, LANES_MAX, LINES_AT_ONCE, SHARED_EVERY_MS, SHARED_PER_SEC,
};

/// Time between two shared frames to so many sockets.
fn every(sockets: usize) -> Duration {
    let all = sockets as u64 * 1_000 / SHARED_PER_SEC;
    Duration::from_millis(all.clamp(SHARED_EVERY_MS, BEAT_MS))
}

struct Lane {
    shown: Mutex<Shown>,
    /// Who follows, by number.
    lines: Mutex<Vec<(u64, Arc<Line>)>>,
    /// All below this offset has been told to who follows, as far as there was something to tell.
    reached: watch::Sender<u64>,
}

impl Lane {
    fn new(progress: &Progress) -> Self {
        Self {
            shown: Mutex::new(Shown::new(Frames::first(progress))),
            lines: Mutex::default(),
            reached: watch::Sender::new(progress.to),
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> MutexGuard<'_, Vec<(u64, Arc<Line>)>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn size(&self) -> usize {
        self.lines().len()
    }

    fn has_news(&self, progress: &Progress) -> bool {
        self.shown().frames.differ(progress)
    }

    /// Makes the frames of this progress, or says the last ones again.
    fn show(&self, progress: &Progress) -> Arc<Frames> {
        let mut shown = self.shown();
        shown.at = Instant::now();
        if progress.to > shown.frames.to || on(Mutant::OldFramesShown) {
            shown.frames = shown.frames.next(progress).into();
        }
        shown.frames.clone()
    }

    /// Gives frames to some of the lines; `None` behind the last one, else how many frames went out.
    fn tell(&self, frames: &Frames, from: usize, now: Instant) -> Option<usize> {
        let lines = self.lines();
        let some = lines.get(from..)?;
        if some.is_empty() {
            return None;
        }
        Some(some.iter().take(LINES_AT_ONCE).map(|(_, line)| line.tell(frames, now)).sum())
    }

    fn reach(&self, to: u64) {
        self.reached.send_if_modified(|reached| {
            let more = to > *reached;
            *reached = to.max(*reached);
            more
        });
    }
}

/// The first lane is always there; another one for each [`LANE_SOCKETS`].
pub(crate) struct Lanes {
    lanes: [Lane; LANES_MAX],
    /// Counts those who came.
    last: AtomicU64,
}

/// A line's place in a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    lane: usize,
    number: u64,
}

impl Lanes {
    pub(crate) fn new(progress: &Progress) -> Self {
        let lanes = std::array::from_fn(|_| Lane::new(progress));
        Self { lanes, last: AtomicU64::new(0) }
    }

    /// A place in the emptiest lane.
    pub(crate) fn join(&self, line: Arc<Line>, progress: &Progress) -> Place {
        let open = 1 + self.sockets() / LANE_SOCKETS;
        let lanes = self.lanes.iter().enumerate().take(open);
        let (at, lane) = lanes.min_by_key(|(_, lane)| lane.size()).unwrap_or((0, &self.lanes[0]));
        let number = self.last.fetch_add(1, Relaxed);
        let mut lines = lane.lines();
        if lines.is_empty() {
            // Nobody was told anything here for long.
            lane.show(progress);
            lane.reach(progress.to);
        }
        lines.push((number, line));
        Place { lane: at, number }
    }

    pub(crate) fn leave(&self, place: Place) {
        let mut lines = self.lanes[place.lane].lines();
        if let Some(at) = lines.iter().position(|(number, _)| *number == place.number) {
            lines.swap_remove(at);
        }
    }

    /// What a lane shows now.
    pub(crate) fn shown(&self, place: Place) -> Shown {
        self.lanes[place.lane].shown().clone()
    }

    /// Follows how far a lane has come.
    pub(crate) fn reached(&self, place: Place) -> watch::Receiver<u64> {
        self.lanes[place.lane].reached.subscribe()
    }

    pub(crate) fn sockets(&self) -> usize {
        self.lanes.iter().map(Lane::size).sum()
    }

    fn used(&self) -> impl Iterator<Item = (usize, &Lane)> {
        let used = |(number, lane): &(usize, &Lane)| *number == 0 || lane.size() > 0;
        self.lanes.iter().enumerate().filter(used)
    }

    /// True if a lane has something new to say.
    pub(crate) fn take(&self, progress: &Progress) -> bool {
        let mut news = false;
        for (_, lane) in self.used() {
            if lane.has_news(progress) {
                news = true;
            } else {
                lane.reach(progress.to);
            }
        }
        news
    }

    /// The lane whose turn is next, and when: with news not too soon after its last frames nor, in a
    /// crowd, after those of another lane; without any after a second, so that a browser can tell
    /// silence from calm.
    pub(crate) fn next(&self, progress: &Progress, last: Instant) -> (usize, Instant) {
        let every = every(self.sockets());
        let crowd = every > Duration::from_millis(SHARED_EVERY_MS);
        let lanes = u32::try_from(self.used().count()).unwrap_or(u32::MAX);
        // News that come after a calm reach the last lane in less than the time between two frames.
        let step = if crowd { every * 4 / 5 / lanes } else { Duration::ZERO };
        let due = |(number, lane): (usize, &Lane)| {
            let at = lane.shown().at;
            let due = if lane.has_news(progress) {
                (at + every).max(last + step)
            } else {
                at + Duration::from_millis(BEAT_MS)
            };
            (due, at, number)
        };
        let (due, _, number) = self.used().map(due).min().unwrap_or((last, last, 0));
        (number, due)
    }

    /// Gives a lane the frames of this progress; returns how many went out.
    pub(crate) async fn show(&self, lane: usize, progress: &Progress) -> usize {
        let lane = &self.lanes[lane];
        let (frames, now) = (lane.show(progress), Instant::now());
        let (mut from, mut count) = (0, 0);
        while let Some(more) = lane.tell(&frames, from, now) {
            (from, count) = (from + LINES_AT_ONCE, count + more);
            // What is somebody's own does not wait for a whole lane.
            yield_now().await;
        }
        lane.reach(progress.to);
        count
    }

    /// Tells all sockets to end.
    pub(crate) fn drain(&self) {
        for lane in &self.lanes {
            lane.shown().draining = true;
            lane.lines().iter().for_each(|(_, line)| line.wake());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{DuplexStream, duplex},
        time::advance,
    };

    use super::{
        super::{frames::tests::progress, line::Sent},
        *,
    };

    const LINE_BYTES: usize = 4_096;

    /// So many come and are shown what there is; their ends of the lines and their places.
    fn crowd(lanes: &Lanes, sockets: usize) -> Vec<(DuplexStream, Place)> {
        let come = |_| {
            let (ours, theirs) = duplex(LINE_BYTES);
            let line = Line::new(ours);
            let place = lanes.join(line.clone(), &progress(10, 1, 0));
            line.hand_back(Sent::of(&lanes.shown(place).frames));
            (theirs, place)
        };
        (0..sockets).map(come).collect()
    }

    /// Shows what is due so many times; which lane it was and how long after the one before, in ms.
    async fn turns(lanes: &Lanes, progress: &Progress, count: usize) -> Vec<(usize, u128)> {
        let mut last = Instant::now();
        let mut seen = Vec::new();
        for _ in 0..count {
            let (lane, due) = lanes.next(progress, last);
            advance(due.saturating_duration_since(Instant::now())).await;
            lanes.show(lane, progress).await;
            seen.push((lane, last.elapsed().as_millis()));
            last = Instant::now();
        }
        seen
    }

    #[test]
    fn many_sockets_get_frames_more_rarely_but_each_second() {
        let ms = |sockets| every(sockets).as_millis();
        assert_eq!([0, 2_500, 5_000, 10_000, 100_000].map(ms), [250, 250, 500, 1_000, 1_000]);
    }

    #[test]
    fn a_lane_more_is_opened_for_so_many_sockets_and_all_are_filled_alike() {
        let lanes = Lanes::new(&progress(10, 1, 0));
        let mut came = crowd(&lanes, LANE_SOCKETS);
        assert_eq!(lanes.used().count(), 1);
        came.extend(crowd(&lanes, LANE_SOCKETS));
        assert_eq!(lanes.used().count(), 2);
        came.extend(crowd(&lanes, 20 * LANE_SOCKETS));
        let sizes: Vec<usize> = lanes.used().map(|(_, lane)| lane.size()).collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(sizes.len() == LANES_MAX && most - least <= 1, "{sizes:?}");
        came.iter().for_each(|(_, place)| lanes.leave(*place));
        assert_eq!((lanes.sockets(), lanes.used().count()), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_lanes_of_a_crowd_take_turns() {
        let lanes = Lanes::new(&progress(10, 1, 0));
        let came = crowd(&lanes, 10_000);
        advance(Duration::from_secs(1)).await;
        let news = progress(20, 2, 0);
        assert!(lanes.take(&news));
        let seen = turns(&lanes, &news, LANES_MAX).await;
        let mut order: Vec<usize> = seen.iter().map(|(lane, _)| *lane).collect();
        order.sort_unstable();
        assert_eq!(order, (0..LANES_MAX).collect::<Vec<_>>());
        assert!(seen.iter().skip(1).all(|(_, ms)| (50..=51).contains(ms)), "{seen:?}");
        assert!(!lanes.take(&news), "all have been told");
        assert!(came.iter().all(|(_, place)| lanes.shown(*place).frames.to == 20));
    }

    #[tokio::test(start_paused = true)]
    async fn few_are_told_at_once_and_again_after_a_silence() {
        let lanes = Lanes::new(&progress(10, 1, 0));
        let _came = crowd(&lanes, 2 * LANE_SOCKETS);
        advance(Duration::from_millis(300)).await;
        let news = progress(20, 2, 0);
        let told = turns(&lanes, &news, 2).await;
        assert!(told.iter().all(|(_, ms)| *ms == 0), "{told:?}");
        let beats = turns(&lanes, &news, 2).await;
        assert_eq!(beats.iter().map(|(_, ms)| *ms).collect::<Vec<_>>(), [1_000, 0]);
    }

    #[tokio::test]
    async fn all_in_a_lane_get_the_frames() {
        let lanes = Lanes::new(&progress(10, 1, 0));
        let mut came = crowd(&lanes, 3 * LINES_AT_ONCE / 2);
        lanes.leave(came.remove(5).1);
        let count = lanes.show(0, &progress(20, 2, 0)).await;
        assert_eq!(count, came.len());
        let bytes = lanes.shown(came[0].1).frames.news_bytes.clone();
        for (theirs, _) in &mut came {
            let mut read = vec![0; bytes.len()];
            tokio::io::AsyncReadExt::read_exact(theirs, &mut read).await.unwrap();
            assert_eq!(read, bytes);
        }
    }

    #[tokio::test]
    async fn what_is_no_news_is_told_to_all_who_follow() {
        let lanes = Lanes::new(&progress(10, 1, 0));
        let (_line, place) = crowd(&lanes, 1).remove(0);
        let reached = lanes.reached(place);
        assert!(!lanes.take(&progress(12, 1, 0)) && *reached.borrow() == 12);
        assert!(lanes.take(&progress(14, 2, 0)) && *reached.borrow() == 12);
        lanes.show(0, &progress(14, 2, 0)).await;
        assert_eq!(*reached.borrow(), 14);
    }
}
