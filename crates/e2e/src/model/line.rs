//! One shopper's view of the line, checked frame by frame: nothing is stored but the latest.

use super::history::Sale;
use crate::frames::{Progress, Span};

/// Most faults kept for one shopper.
const FAULTS_MAX: usize = 20;

/// What one shopper was last told.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pub position: Option<u64>,
    /// The smallest `ahead` told on the stream.
    floor: Option<u64>,
    /// The span of the last shared frame on this socket.
    span: Option<Span>,
    serving: Option<u64>,
    /// Highest offset (exclusive) that any shared frame has covered.
    pub seen: u64,
    pub faults: Vec<String>,
}

impl Line {
    /// A new socket: spans and `serving` start anew, `ahead` does not.
    pub fn connected(&mut self) {
        self.span = None;
        self.serving = None;
    }

    /// A new ticket: place and `ahead` start anew.
    pub fn rejoined(&mut self) {
        self.position = None;
        self.floor = None;
    }

    /// Spans never go back on one socket.
    pub fn shared(&mut self, span: Span) {
        if span.from > span.to {
            self.fault(format!("a frame covers {}..{}", span.from, span.to));
        }
        if let Some(last) = self.span
            && (span.to < last.to || span.from < last.from)
        {
            self.fault(format!(
                "after {}..{} came {}..{} on the same socket",
                last.from, last.to, span.from, span.to
            ));
        }
        self.span = Some(span);
        self.seen = self.seen.max(span.to);
    }

    pub fn progress(&mut self, progress: &Progress) {
        self.shared(progress.span);
        if let Some(last) = self.serving
            && progress.serving < last
        {
            self.fault(format!("serving went from {last} back to {}", progress.serving));
        }
        if progress.serving > progress.total {
            self.fault(format!("serving {} of {}", progress.serving, progress.total));
        }
        self.serving = Some(progress.serving);
        if let Some(position) = self.position {
            self.ahead((position - 1).saturating_sub(progress.serving));
        }
    }

    /// A place told on the stream.
    pub fn waiting(&mut self, position: u64, ahead: u64) {
        self.place(position);
        self.ahead(ahead);
    }

    /// A place told in an answer, which another process may give: `floor` is what was known on the
    /// stream when the question was sent.
    pub fn answered(&mut self, position: u64, ahead: u64, floor: Option<u64>) {
        self.place(position);
        if floor.is_some_and(|floor| ahead > floor) {
            self.fault(format!("ahead grew to {ahead} in an answer, was {floor:?} at {position}"));
        }
    }

    /// The smallest `ahead` told so far.
    pub fn floor(&self) -> Option<u64> {
        self.floor
    }

    fn place(&mut self, position: u64) {
        if position == 0 {
            self.fault("position 0".to_owned());
        }
        if let Some(last) = self.position
            && last != position
        {
            self.fault(format!("the position went from {last} to {position}"));
        }
        self.position = Some(position);
        let most = position.saturating_sub(1);
        if self.floor.is_none() {
            self.floor = Some(most);
        }
    }

    fn ahead(&mut self, ahead: u64) {
        if let Some(floor) = self.floor
            && ahead > floor
        {
            self.fault(format!("ahead grew from {floor} to {ahead} at {:?}", self.position));
        }
        self.floor = Some(self.floor.map_or(ahead, |floor| floor.min(ahead)));
    }

    pub fn fault(&mut self, text: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(text);
        }
    }
}

/// Faults that shoppers met while the sale went on.
pub fn contradictions(sale: &Sale) -> Vec<String> {
    let told = |who: &super::History| {
        let shopper = who.shopper;
        who.faults.iter().map(move |text| format!("shopper {shopper}: {text}")).collect::<Vec<_>>()
    };
    sale.shoppers.iter().flat_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(from: u64, to: u64, serving: u64) -> Progress {
        let span = Span { from, to };
        Progress { span, at: String::new(), serving, total: 100, rate: None, state: None }
    }

    #[test]
    fn an_orderly_line_has_no_faults() {
        let mut line = Line::default();
        line.progress(&progress(0, 5, 0));
        line.waiting(10, 9);
        line.progress(&progress(5, 8, 3));
        line.connected();
        line.progress(&progress(0, 9, 3));
        line.waiting(10, 6);
        line.answered(10, 6, Some(6));
        assert_eq!((line.faults.len(), line.floor(), line.seen), (0, Some(6), 9));
    }

    #[test]
    fn a_growing_ahead_is_a_fault() {
        let mut line = Line::default();
        line.waiting(10, 4);
        line.waiting(10, 5);
        assert_eq!(line.faults.len(), 1);

        let mut line = Line::default();
        line.waiting(10, 4);
        line.progress(&progress(0, 1, 2));
        assert_eq!(line.faults.len(), 1, "10 - 1 - 2 = 7 are more than 4");

        let mut line = Line::default();
        line.answered(10, 8, Some(7));
        assert_eq!(line.faults.len(), 1);
    }

    #[test]
    fn a_changed_place_is_a_fault() {
        let mut line = Line::default();
        line.waiting(10, 4);
        line.answered(11, 4, None);
        assert_eq!(line.faults.len(), 1);
    }

    #[test]
    fn spans_and_serving_that_go_back_are_faults() {
        let mut line = Line::default();
        line.shared(Span { from: 3, to: 9 });
        line.shared(Span { from: 3, to: 8 });
        line.shared(Span { from: 2, to: 9 });
        line.shared(Span { from: 12, to: 11 });
        assert_eq!(line.faults.len(), 3);

        let mut line = Line::default();
        line.progress(&progress(0, 5, 3));
        line.progress(&progress(5, 6, 2));
        assert_eq!(line.faults.len(), 1);
    }

    #[test]
    fn someone_who_joins_again_starts_anew() {
        let mut line = Line::default();
        line.waiting(10, 0);
        line.rejoined();
        line.waiting(50, 30);
        assert!(line.faults.is_empty());
    }
}
