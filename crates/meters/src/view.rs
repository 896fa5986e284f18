//! The view with a stopwatch around its calls.

use std::{fmt, future::Future, sync::Arc, time::Instant};

use async_trait::async_trait;
use domain::{EventId, TicketId};
use metrics::{Counter, Histogram, counter, histogram};
use ports::{
    Head, LiveReader, Shared, Tickets, ViewError, ViewReader, ViewWriter, Write, WriteOutcome,
};

/// One kind of call.
struct Call {
    seconds: Histogram,
    errors: Counter,
}

impl Call {
    fn new(call: &'static str) -> Self {
        Self {
            seconds: histogram!("twinkle_view_call_seconds", "call" => call),
            errors: counter!("twinkle_view_call_errors_total", "call" => call),
        }
    }

    async fn time<T>(
        &self,
        call: impl Future<Output = Result<T, ViewError>>,
    ) -> Result<T, ViewError> {
        let begun = Instant::now();
        let answer = call.await;
        self.seconds.record(begun.elapsed());
        answer.inspect_err(|_| self.errors.increment(1))
    }
}

/// Counts the calls of an owner.
pub struct MeteredWriter {
    view: Arc<dyn ViewWriter>,
    head: Call,
    write: Call,
    rebuild: Call,
}

impl MeteredWriter {
    pub fn new(view: Arc<dyn ViewWriter>) -> Self {
        let [head, write, rebuild] = ["head", "write", "rebuild"].map(Call::new);
        Self { view, head, write, rebuild }
    }
}

impl fmt::Debug for MeteredWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredWriter").finish_non_exhaustive()
    }
}

#[async_trait]
impl ViewWriter for MeteredWriter {
    async fn head(&self, event: &EventId) -> Result<Option<Head>, ViewError> {
        self.head.time(self.view.head(event)).await
    }

    async fn write(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError> {
        self.write.time(self.view.write(event, write)).await
    }

    async fn rebuild(&self, event: &EventId, write: Write) -> Result<WriteOutcome, ViewError> {
        self.rebuild.time(self.view.rebuild(event, write)).await
    }
}

/// Counts the calls of readers.
pub struct MeteredReader {
    view: Arc<dyn ViewReader>,
    shared: Call,
    tickets: Call,
    listen: Call,
}

impl MeteredReader {
    pub fn new(view: Arc<dyn ViewReader>) -> Self {
        let [shared, tickets, listen] = ["shared", "tickets", "listen"].map(Call::new);
        Self { view, shared, tickets, listen }
    }
}

impl fmt::Debug for MeteredReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredReader").finish_non_exhaustive()
    }
}

#[async_trait]
impl ViewReader for MeteredReader {
    async fn shared(&self, event: &EventId) -> Result<Option<Shared>, ViewError> {
        self.shared.time(self.view.shared(event)).await
    }

    async fn tickets(
        &self,
        event: &EventId,
        tickets: &[TicketId],
    ) -> Result<Option<Tickets>, ViewError> {
        self.tickets.time(self.view.tickets(event, tickets)).await
    }

    async fn listen(&self, event: &EventId) -> Result<Box<dyn LiveReader>, ViewError> {
        self.listen.time(self.view.listen(event)).await
    }
}
