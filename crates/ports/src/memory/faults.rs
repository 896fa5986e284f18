//! What may go wrong, on purpose.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use crate::{FactsError, LogError, ViewError};

/// A call to a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// `EventLog::create`
    Create,
    /// `EventLog::append`
    Append,
    /// `EventLog::end`
    End,
    /// `EventLog::read`
    Read,
    /// `LogReader::next`
    NextRecords,
    /// `EventLog::commit`
    Commit,
    /// `Facts::put`
    Put,
    /// `Facts::follow`
    Follow,
    /// `FactsReader::next`
    NextFacts,
    /// `ViewWriter::head`
    Head,
    /// `ViewWriter::write`
    Write,
    /// `ViewWriter::rebuild`
    Rebuild,
    /// `ViewReader::shared`
    Shared,
    /// `ViewReader::tickets`
    Tickets,
    /// `ViewReader::listen`
    Listen,
}

/// What goes wrong with a call. One that has no meaning for a call does nothing to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Nothing happens; the caller gets an error.
    Refused,
    /// It happens; the caller gets an error.
    ReplyLost,
    /// `append`: nothing happens; the caller gets `LogError::Full`.
    Full,
    /// `append`: it happens twice; the caller gets the first place.
    Duplicated,
    /// `append`: it happens, one offset further on than it could be.
    Gap,
    /// `write`, `rebuild`: it happens, but the live message reaches nobody.
    LiveDropped,
    /// `write`: half of the entries happen, nothing else; the caller gets an error.
    Torn,
}

type Plan = dyn FnMut(Call, &str) -> Option<Fault> + Send;

/// Says for each call what goes wrong with it. The default: nothing ever.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<Mutex<Plan>>>);

impl Faults {
    /// Asks `plan` at each call, with the event's id or the fact's key (empty when it has none).
    pub fn plan(plan: impl FnMut(Call, &str) -> Option<Fault> + Send + 'static) -> Self {
        Self(Some(Arc::new(Mutex::new(plan))))
    }

    /// `fault` at the first `call`, nothing afterwards.
    pub fn once(call: Call, fault: Fault) -> Self {
        let mut left = Some(fault);
        Self::plan(move |made, _| if made == call { left.take() } else { None })
    }

    /// Opens a call; the answer must be closed with [`Begun::end`] once the call has happened.
    pub(super) fn begin(&self, call: Call, key: &str) -> Result<Begun, Injected> {
        let plan = self.0.as_ref().map(|plan| plan.lock().expect("a plan does not panic"));
        match plan.and_then(|mut plan| plan(call, key)) {
            Some(Fault::Refused) => Err(Injected("refused on purpose")),
            fault => Ok(Begun(fault)),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(plan)" } else { "Faults(none)" })
    }
}

/// A call that goes on, with the fault that it still has to suffer.
pub(super) struct Begun(Option<Fault>);

impl Begun {
    pub(super) fn suffers(&self, fault: Fault) -> bool {
        self.0 == Some(fault)
    }

    pub(super) fn fail<T>(self) -> Result<T, Injected> {
        Err(Injected("broken off on purpose"))
    }

    /// Closes the call, whose answer may be lost.
    pub(super) fn end<T>(self, answer: T) -> Result<T, Injected> {
        if self.suffers(Fault::ReplyLost) {
            Err(Injected("answer lost on purpose"))
        } else {
            Ok(answer)
        }
    }
}

/// An error on purpose.
pub(super) struct Injected(&'static str);

impl From<Injected> for LogError {
    fn from(injected: Injected) -> Self {
        Self::Unavailable(injected.0.to_owned())
    }
}

impl From<Injected> for FactsError {
    fn from(injected: Injected) -> Self {
        Self(injected.0.to_owned())
    }
}

impl From<Injected> for ViewError {
    fn from(injected: Injected) -> Self {
        Self(injected.0.to_owned())
    }
}
