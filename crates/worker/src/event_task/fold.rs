//! Takes records of the log in.

use domain::{
    Command, Told, invariants,
    mutants::{Mutant, on},
};
use ports::Record;
use tokio::time::Instant;
use tracing::error;
use wire::record::{self, DecodeError};

use super::EventTask;

impl EventTask {
    pub(super) fn fold(&mut self, record: &Record) {
        if self.halted {
            return;
        }
        let commands = match record::decode(&record.bytes) {
            Ok(commands) => commands,
            Err(DecodeError::Malformed) => Vec::new(),
            Err(_) if on(Mutant::UnknownVersionSkipped) => Vec::new(),
            Err(error) => return self.halt(record.offset, &error),
        };
        let epoch = self.event.epoch();
        let mut told = Vec::new();
        self.heads.link(&self.event, record);
        self.event.apply(record.offset, record.at, &commands, &mut told);
        self.inspect(record.offset, &told);
        self.meters.commands.increment(commands.len() as u64);
        self.lag.folded(record.at);
        let ticked = commands.iter().any(|c| *c == Command::Tick { epoch: self.event.epoch() });
        if ticked || epoch != self.event.epoch() {
            self.ownership.heard(Instant::now());
            self.meters.ticked(record);
        }
        let asked = |c: &Command| !matches!(c, Command::Tick { .. } | Command::Own { .. });
        // What is read at the start was asked long ago.
        if record.offset >= self.end {
            self.meters.folded_live(record, self.worker.clock.now());
            if commands.iter().any(asked) {
                self.ownership.stir(Instant::now());
            }
        }
        self.note(record.offset, told);
    }

    /// Says it aloud when a rule was broken: people inside are served on, somebody has to look.
    fn inspect(&self, offset: u64, told: &[Told]) {
        if let Err(violation) = invariants::check_step(&self.event, told) {
            self.meters.violated();
            error!(event = %self.id, offset, %violation,
                "an invariant does not hold: pause the event and run `twinkle audit`");
        }
    }

    fn note(&mut self, offset: u64, told: Vec<Told>) {
        let position = |told: &Told| {
            let ticket = told.ticket.filter(|_| told.fresh)?;
            self.event.ticket(ticket).map(|(position, ..)| position)
        };
        let positions: Vec<u32> = told.iter().filter_map(position).collect();
        if let Some(projection) = self.projection.as_mut() {
            projection.take_in(&positions, told);
        }
        self.changes.remember(offset, positions);
    }

    fn halt(&mut self, offset: u64, error: &DecodeError) {
        self.halted = true;
        self.ownership.give_up();
        self.meters.halted.increment(1);
        error!(event = %self.id, offset, %error,
            "this release can't read a record: it leaves the event to a newer one");
    }
}
