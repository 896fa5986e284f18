//! Traced commands on their way through the worker.

use domain::EventId;
use ports::Trace;
use traces::{Kind, Span, TRACES_MAX};

/// Marks of commands that were folded and are not in the view yet.
#[derive(Default)]
pub(super) struct Traced {
    waiting: Vec<Trace>,
    /// The span of the step under way.
    step: Option<Span>,
}

impl Traced {
    /// Spans of folding these; to be dropped when it is done.
    pub(super) fn folds(&mut self, event: &EventId, traces: &[Trace]) -> Vec<Span> {
        let room = TRACES_MAX.saturating_sub(self.waiting.len());
        let fold = |trace: &Trace| traces::after("fold", Kind::Consumer, event.as_str(), *trace);
        let spans: Vec<Span> = traces.iter().take(room).filter_map(fold).collect();
        self.waiting.extend(spans.iter().map(Span::trace));
        spans
    }

    /// A step is about to be made that carries them; the marks for those who listen.
    pub(super) fn project(&mut self, event: &EventId) -> Vec<Trace> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.step = traces::batch("project", Kind::Internal, event.as_str(), &waiting);
        traces::onwards(self.step.as_ref(), &waiting)
    }

    /// The step is in the view.
    pub(super) fn arrived(&mut self) {
        self.step = None;
    }
}
