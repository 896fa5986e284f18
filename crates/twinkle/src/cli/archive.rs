//! `twinkle archive`: an event's log as one file, verified before anything is deleted.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use audit::{Footer, Header, Replay, archive::VERSION, archive::Writer};
use clap::Args;
use domain::{EventId, EventState};
use ports::Clock;
use wire::{Chain, time};

use super::sources::{self, Known, LogSource};
use crate::{
    assemble::{self, Ports},
    stores::{StoreArgs, Stores},
};

/// Ends the name of a file that is not whole yet.
const PART: &str = ".part";

#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    /// The event
    event: EventId,
    /// The file to make, such as popup.twinkle.gz; one that exists is never written over
    file: PathBuf,
    /// Delete the log of an archived event once the file has proved to hold all of it
    #[arg(long)]
    delete_log: bool,
    /// The keys of the service: their public halves go into the file
    #[arg(long, env = "TWINKLE_PASS_KEYS", hide_env_values = true)]
    pass_keys: Option<String>,
    /// Folder of a stopped embedded service
    #[arg(long, env = "TWINKLE_DATA", default_value = "./twinkle-data")]
    data: PathBuf,
    #[command(flatten)]
    stores: StoreArgs,
}

pub(crate) async fn run(args: ArchiveArgs) -> Result<()> {
    let begun = Instant::now();
    let file = &args.file;
    ensure!(!file.exists(), "{} exists: an archive is never written over", file.display());
    let stores = sources::existing(args.stores.check(args.data)?)?;
    let data = match &stores {
        Stores::Embedded { data } => Some(data.as_path()),
        Stores::Distributed(_) => None,
    };
    let keys = sources::service_keys(args.pass_keys.as_deref(), data)?;
    let ports = assemble::ports(&stores).await?;
    let known = sources::known(&*ports.facts, &args.event).await?;
    let mut header = header(&args.event, &known, &*ports.clock)?;
    header.jwks = keys.map(|keys| keys.jwks());
    let part = part_of(file);
    let replay = write(&ports, &header, &part).await?;
    verify(&part, &replay)?;
    // A name that was taken meanwhile is kept: unlike a rename, a link never replaces a file.
    fs::hard_link(&part, file).with_context(|| format!("can't make {}", file.display()))?;
    fs::remove_file(&part)?;
    sync_folder(file)?;
    told(file, &replay, begun)?;
    if args.delete_log {
        delete(&ports, &args.event, &replay).await?;
    }
    Ok(())
}

fn part_of(file: &Path) -> PathBuf {
    let mut part = file.as_os_str().to_owned();
    part.push(PART);
    part.into()
}

fn header(event: &EventId, known: &Known, clock: &dyn Clock) -> Result<Header> {
    let facts = known.facts.as_ref();
    let definition =
        &facts.with_context(|| format!("there is no event {event}: check its id"))?.definition;
    Ok(Header {
        twinkle: "archive".to_owned(),
        v: VERSION,
        event: event.clone(),
        title: definition.title.clone(),
        rules: definition.rules,
        made_by: concat!("twinkle ", env!("CARGO_PKG_VERSION")).to_owned(),
        made_at: time::format(clock.now()),
        head: known.head.clone(),
        jwks: None,
    })
}

/// Writes what the log holds now, and replays it on the way.
async fn write(ports: &Ports, header: &Header, part: &Path) -> Result<Replay> {
    let context = || format!("can't write {}", part.display());
    let out = OpenOptions::new().write(true).create_new(true).open(part);
    let out = out.with_context(|| {
        format!("can't make {}: is it the rest of a run that was broken off?", part.display())
    })?;
    let event = &header.event;
    let end = ports.log.end(event).await.context("the log of the event")?;
    let mut log = LogSource::open(ports, event).await?;
    let mut replay = Replay::new(event);
    let mut writer = Writer::begin(BufWriter::new(out), header).with_context(context)?;
    let take = |record: &ports::Record| {
        replay.take(record)?;
        writer.record(record).with_context(context)
    };
    log.each(end, "archiving", take).await?;
    let mut out = writer.finish(&Footer::new(&replay)).with_context(context)?;
    out.flush().with_context(context)?;
    out.get_ref().sync_all().with_context(context)?;
    Ok(replay)
}

/// Reads the whole file back: the chain over it must be the one over the log. Equal records lead to
/// an equal state, so there is no need to fold them once more.
fn verify(part: &Path, replay: &Replay) -> Result<()> {
    let mut archive = sources::archive(part, "verifying")?;
    let mut chain = Chain::start(&archive.header().event);
    while let Some(record) = archive.next_record()? {
        chain.link(record.offset, record.at, &record.bytes);
    }
    let whole = chain == replay.chain() && archive.footer() == Some(&Footer::new(replay));
    ensure!(whole, "{} is not what was written: check the disk", part.display());
    Ok(())
}

fn sync_folder(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder)?.sync_all().with_context(|| format!("can't sync {}", folder.display()))
}

#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
fn told(file: &Path, replay: &Replay, begun: Instant) -> Result<()> {
    let size = fs::metadata(file)?.len();
    println!(
        "{}: {} records, {} commands, {size} bytes, verified, in {:.1} s\nchain {}",
        file.display(),
        replay.records(),
        replay.commands(),
        begun.elapsed().as_secs_f64(),
        replay.chain(),
    );
    Ok(())
}

/// Deletes the log if it is over and the file holds all of it.
#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
async fn delete(ports: &Ports, event: &EventId, replay: &Replay) -> Result<()> {
    if replay.event().state() != EventState::Archived {
        bail!(
            "the file is whole, but the log of {event} was not deleted: the event is not archived; \
             end it with `twinkle event archive {event}` first"
        );
    }
    let end = ports.log.end(event).await?;
    ensure!(
        end == replay.event().next(),
        "the file is whole, but the log of {event} went on meanwhile, so it was not deleted"
    );
    ports.keeper.delete(event).await?;
    println!("the log of {event} is deleted; its id is never used again");
    Ok(())
}
