//! `twinkle audit`: replays the log of an event, checks every invariant, compares with the view.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use domain::{Event, EventId, digest::digest, invariants};
use ports::{LogReader, Record, ViewReader};
use serde_json::{Value, json};
use wire::{
    record::{self, DecodeError},
    view::{SharedValue, TicketValue},
};

use crate::{
    assemble::{self, Ports},
    config::StoreArgs,
};

/// Tickets compared at once.
const BATCH: usize = 1_000;
/// Most differences that are told.
const DIFFERENCES_MAX: usize = 20;
/// Longest wait for the log and the view to answer, in seconds.
const WAIT_SECS: u64 = 30;

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The event
    event: EventId,
    /// Folder of a stopped embedded service
    #[arg(long, env = "TWINKLE_DATA", default_value = "./twinkle-data")]
    data: std::path::PathBuf,
    #[command(flatten)]
    stores: StoreArgs,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    compared: u32,
    differences: Vec<String>,
    violations: Vec<String>,
}

pub(crate) async fn run(args: AuditArgs) -> Result<()> {
    let stores = args.stores.check(args.data)?;
    let ports = assemble::ports(&stores)?;
    let mut replay = Replay::begin(&ports, &args.event).await?;
    let mut findings = Findings::default();
    replay.to(replay.end).await?;
    if ports.shared_view {
        replay.compare(&*ports.reader, &args.event, &mut findings).await?;
    }
    if let Err(violation) = invariants::check(&replay.event) {
        findings.violations.push(violation.to_string());
    }
    let matches = findings.differences.is_empty() && findings.violations.is_empty();
    report(&replay.event, &findings, ports.shared_view, args.json)?;
    if matches { Ok(()) } else { bail!("the audit of {} failed", args.event) }
}

/// The fold of the log up to some offset.
struct Replay {
    event: Event,
    end: u64,
    reader: Box<dyn LogReader>,
    unread: std::collections::VecDeque<Record>,
}

impl Replay {
    async fn begin(ports: &Ports, event: &EventId) -> Result<Self> {
        let end = ports.log.end(event).await.context("the log of the event")?;
        let reader = ports.log.read(event, 0).await?;
        Ok(Self { event: Event::default(), end, reader, unread: [].into() })
    }

    /// Folds every record below `next`.
    async fn to(&mut self, next: u64) -> Result<()> {
        while self.event.next() < next {
            let Some(record) = self.unread.pop_front() else {
                let wait = Duration::from_secs(WAIT_SECS);
                let records = tokio::time::timeout(wait, self.reader.next()).await;
                self.unread.extend(records.context("the log ended too early")??);
                continue;
            };
            let commands = match record::decode(&record.bytes) {
                Ok(commands) => commands,
                Err(DecodeError::Malformed) => Vec::new(),
                Err(error) => bail!("record {}: {error}", record.offset),
            };
            self.event.apply(record.offset, record.at, &commands, &mut Vec::new());
        }
        Ok(())
    }

    /// Every ticket of the view against the fold at the very offset that the view stands at.
    async fn compare(
        &mut self,
        view: &dyn ViewReader,
        id: &EventId,
        findings: &mut Findings,
    ) -> Result<()> {
        self.wait_for_view(view, id).await?;
        let all: Vec<_> = self.event.order().tickets().map(|(_, ticket)| ticket.id).collect();
        for ids in all.chunks(BATCH) {
            let seen = view.tickets(id, ids).await?.context("the view lost its head")?;
            self.to(seen.head.next).await?;
            for (ticket, value) in ids.iter().zip(seen.values) {
                let Some((position, ..)) = self.event.ticket(*ticket) else { continue };
                let expected = worker::values::ticket(&self.event, position);
                let shown = value.map(|bytes| TicketValue::decode(&bytes)).transpose()?;
                findings.compare(position, &expected, shown.as_ref());
            }
        }
        let shared = view.shared(id).await?.context("the view lost its head")?;
        self.to(shared.head.next).await?;
        let shown = SharedValue::decode(&shared.value)?.progress;
        let mut expected = worker::values::progress(&self.event, shown.from);
        (expected.to, expected.at, expected.rate) = (shown.to, shown.at, shown.rate);
        if shown != expected {
            findings.differ(format!("the log says {expected:?}, the view {shown:?}"));
        }
        Ok(())
    }

    async fn wait_for_view(&self, view: &dyn ViewReader, id: &EventId) -> Result<()> {
        for _ in 0..WAIT_SECS * 5 {
            if let Ok(Some(shared)) = view.shared(id).await
                && shared.head.next >= self.event.next()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("the view does not catch up with the log")
    }
}

impl Findings {
    /// Deadlines are left out: the view tells them by the clock of the log, the fold in event time.
    fn compare(&mut self, position: u32, expected: &TicketValue, shown: Option<&TicketValue>) {
        self.compared += 1;
        let plain = |value: &TicketValue| {
            let mut value = value.clone();
            value.until = None;
            if let Some(hold) = &mut value.hold {
                hold.until = 0;
            }
            value
        };
        if shown.map(plain).as_ref() != Some(&plain(expected)) {
            self.differ(format!(
                "position {position}: the log says {expected:?}, the view {shown:?}"
            ));
        }
    }

    fn differ(&mut self, difference: String) {
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(difference);
        }
    }
}

#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
fn report(event: &Event, findings: &Findings, compared: bool, as_json: bool) -> Result<()> {
    let report = json!({
        "matches": findings.differences.is_empty() && findings.violations.is_empty(),
        "records_to": event.next(),
        "tickets": event.order().total(),
        "serving": event.order().serving(),
        "compared_with_view": compared.then_some(findings.compared),
        "slots": event.seats().slots().iter().map(|slot| json!({
            "id": slot.id, "capacity": slot.capacity, "held": slot.held, "sold": slot.sold,
        })).collect::<Vec<Value>>(),
        "digest": digest(event).iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "violations": findings.violations,
        "differences": findings.differences,
    });
    if as_json {
        println!("{report}");
    } else {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(())
}
