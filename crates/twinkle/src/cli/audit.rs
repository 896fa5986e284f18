//! `twinkle audit`: replays the log of an event, checks it, compares it with what was signed and shown.

mod view;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use audit::{Check, Claim, Replay, Report};
use clap::Args;
use domain::{EventId, TicketId};
use wire::{KeySet, ticket, view::SharedValue};

use super::sources::{self, LogSource};
use crate::{
    assemble::{self, Ports},
    stores::{StoreArgs, Stores},
};

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The event; not needed with --file
    #[arg(required_unless_present = "file")]
    event: Option<EventId>,
    /// Audit an archive instead of a log: nothing else is needed
    #[arg(long)]
    file: Option<PathBuf>,
    /// Tell the life of a ticket, in plain words
    #[arg(long, value_parser = parse_ticket)]
    ticket: Option<TicketId>,
    /// Public keys to check signatures with, as /.well-known/jwks.json gives them
    #[arg(long)]
    jwks: Option<PathBuf>,
    /// Heads to compare with, one a line, as GET /api/v1/events/EVENT/head gave them
    #[arg(long)]
    heads: Vec<PathBuf>,
    /// The keys of the service, used when there is no --jwks
    #[arg(long, env = "TWINKLE_PASS_KEYS", hide_env_values = true)]
    pass_keys: Option<String>,
    /// Folder of a stopped embedded service
    #[arg(long, env = "TWINKLE_DATA", default_value = "./twinkle-data")]
    data: PathBuf,
    #[command(flatten)]
    stores: StoreArgs,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

fn parse_ticket(text: &str) -> Result<TicketId, String> {
    ticket::parse(text).ok_or_else(|| "a ticket is a UUID".to_owned())
}

pub(crate) async fn run(args: AuditArgs) -> Result<()> {
    let report = match args.file.clone() {
        Some(file) => of_file(&args, &file)?,
        None => of_log(&args).await?,
    };
    print(&report, args.json)?;
    if report.matches { Ok(()) } else { bail!("the audit of {} failed", report.event) }
}

#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
fn print(report: &Report, as_json: bool) -> Result<()> {
    if as_json {
        println!("{}", serde_json::to_string(report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

/// Adds what the command line asks for.
fn prepare(args: &AuditArgs, replay: &mut Replay, keys: Option<&KeySet>) -> Result<()> {
    if let Some(ticket) = args.ticket {
        replay.watch(ticket);
    }
    for file in &args.heads {
        sources::heads(file, keys)?.into_iter().for_each(|claim| replay.compare(claim));
    }
    Ok(())
}

/// Has a head compared that was found somewhere; what can't be read is told as such.
fn compare(
    replay: &mut Replay,
    checks: &mut Vec<Check>,
    source: &str,
    head: Option<&str>,
    keys: Option<&KeySet>,
) {
    let Some(head) = head else {
        return checks.push(Check::not_checked(source, "there is none"));
    };
    match Claim::read(source, head, keys) {
        Ok(claim) => replay.compare(claim),
        Err(error) => checks.push(Check::differs(source, error.to_string())),
    }
}

async fn of_log(args: &AuditArgs) -> Result<Report> {
    let stores = sources::existing(args.stores.clone().check(args.data.clone())?)?.read_only();
    let data = match &stores {
        Stores::Embedded { data } => Some(data.as_path()),
        Stores::Distributed(_) => None,
    };
    let keys = sources::keys(args.jwks.as_deref(), args.pass_keys.as_deref(), data)?;
    let ports = assemble::ports(&stores).await?;
    let event = args.event.as_ref().context("name the event")?;
    let mut replay = Replay::new(event);
    prepare(args, &mut replay, keys.as_ref())?;
    let mut checks = Vec::new();
    // Heads first: an honest log reaches whatever was signed before its end was asked for.
    let known = sources::known(&*ports.facts, event).await?;
    let fact = known.head.as_deref();
    compare(&mut replay, &mut checks, "the head among the facts", fact, keys.as_ref());
    let shown = shown_head(&ports, event).await;
    match shown {
        Ok(Some(head)) => {
            let source = "the head that readers are shown";
            compare(&mut replay, &mut checks, source, Some(&head), keys.as_ref());
        }
        Ok(None) => {
            checks.push(Check::not_checked("the head that readers are shown", "there is none"));
        }
        Err(why) => checks.push(Check::not_checked("the head that readers are shown", why)),
    }
    let end = ports.log.end(event).await.context("the log of the event")?;
    let mut log = LogSource::open(&ports, event).await?;
    log.each(end, "replaying", |record| Ok(replay.take(record)?)).await?;
    let compared = match ports.redis.is_some() {
        true => Some(view::compare(&mut replay, &mut log, &*ports.reader, event).await?),
        false => None,
    };
    let mut report = replay.report();
    checks.into_iter().for_each(|check| report.add(check));
    match compared {
        Some(found) => report.compared(found.compared, found.differences),
        None => report.add(Check::not_checked("view", "it is kept in the service's memory")),
    }
    Ok(report)
}

async fn shown_head(ports: &Ports, event: &EventId) -> Result<Option<String>, String> {
    if ports.redis.is_none() {
        return Err("the view is kept in the service's memory".to_owned());
    }
    let shared = ports.reader.shared(event).await.map_err(|error| error.to_string())?;
    let Some(shared) = shared else { return Err("the view is empty for now".to_owned()) };
    let value = SharedValue::decode(&shared.value).map_err(|error| error.to_string())?;
    Ok(value.head)
}

fn of_file(args: &AuditArgs, path: &Path) -> Result<Report> {
    let mut archive = sources::archive(path, "replaying")?;
    let header = archive.header().clone();
    let other = args.event.as_ref().filter(|asked| **asked != header.event);
    ensure!(other.is_none(), "{} is an archive of {}", path.display(), header.event);
    let keys = sources::keys(args.jwks.as_deref(), args.pass_keys.as_deref(), None)?;
    let mut replay = Replay::new(&header.event);
    prepare(args, &mut replay, keys.as_ref())?;
    let mut checks = Vec::new();
    let head = header.head.as_deref();
    compare(&mut replay, &mut checks, "the head in the file", head, keys.as_ref());
    while let Some(record) = archive.next_record().with_context(|| path.display().to_string())? {
        replay.take(&record)?;
    }
    let footer = archive.footer().context("the archive has no last line")?;
    let mut report = replay.report();
    checks.into_iter().for_each(|check| report.add(check));
    report.add(footer.compare(&report));
    report.add(Check::not_checked("view", "a file has none"));
    Ok(report)
}
