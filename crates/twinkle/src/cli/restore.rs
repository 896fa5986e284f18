//! `twinkle restore`: makes a log anew from an archive, with the same offsets, times and bytes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use audit::{Claim, Footer, Replay, Verdict, archive::Header};
use clap::Args;
use domain::{Command, EventId, Operation};
use ports::Record;
use wire::{
    Chain,
    facts::{DefinitionFact, StateFact, definition_key, head_key, state_key},
    record,
};

use super::sources::{self, LogSource};
use crate::{
    assemble::{self, Ports},
    stores::StoreArgs,
};

/// Records of one push; a push ends with the record that reaches [`PUSH_BYTES`].
const PUSH_RECORDS: usize = 512;
const PUSH_BYTES: usize = 4 << 20;

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// An archive
    file: PathBuf,
    /// Folder of a stopped embedded service
    #[arg(long, env = "TWINKLE_DATA", default_value = "./twinkle-data")]
    data: PathBuf,
    #[command(flatten)]
    stores: StoreArgs,
}

#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
pub(crate) async fn run(args: RestoreArgs) -> Result<()> {
    let file = &args.file;
    // Nothing is made of a file that is not whole.
    let whole = check(file)?;
    let ports = assemble::ports(&args.stores.check(args.data)?).await?;
    let event = &whole.header.event;
    let known = sources::known(&*ports.facts, event).await?;
    let salt = known.facts.map(|facts| facts.salt);
    ensure!(
        salt.is_none_or(|salt| salt == whole.first.salt),
        "there was another event {event} here: ids are never used again"
    );
    let mut import = ports.keeper.import(event).await?;
    if let Err(error) = fill(file, &mut *import).await {
        drop(ports.keeper.delete(event).await);
        return Err(error.context("the log was not made"));
    }
    import.finish().await?;
    verify(&ports, event, &whole).await?;
    put_facts(&ports, event, &whole).await?;
    println!(
        "{event}: {} records restored, the chain is the same\nchain {}",
        whole.footer.records, whole.footer.chain
    );
    Ok(())
}

/// What a whole archive says.
struct Whole {
    header: Header,
    footer: Footer,
    /// How the event began.
    first: DefinitionFact,
    state: StateFact,
}

/// Replays the file: it must be whole, hold every invariant and begin with a definition.
fn check(file: &Path) -> Result<Whole> {
    let mut archive = sources::archive(file, "checking")?;
    let header = archive.header().clone();
    let mut replay = Replay::new(&header.event);
    if let Some(head) = &header.head {
        let claim = Claim::read("the head in the file", head, None);
        replay.compare(claim.context("the head in the file")?);
    }
    let mut first = None;
    while let Some(record) = archive.next_record().with_context(|| file.display().to_string())? {
        replay.take(&record)?;
        if first.is_none() && replay.event().definition().is_some() {
            first = definition(&record);
        }
    }
    let footer = archive.footer().context("the archive has no last line")?.clone();
    let event = replay.event();
    let first = first.context("the archive defines no event: there is nothing to restore")?;
    let state = StateFact::new(event.state(), event.defined_at(), event.definition());
    let report = replay.report();
    let last = footer.compare(&report);
    ensure!(
        report.matches && last.verdict == Verdict::Checked,
        "{} is not restored: `twinkle audit --file` tells what is wrong with it",
        file.display()
    );
    Ok(Whole { header, footer, first, state })
}

/// The definition that a record gives.
fn definition(record: &Record) -> Option<DefinitionFact> {
    record::decode(&record.bytes).ok()?.into_iter().find_map(|command| match command {
        Command::Operate(Operation::Define { salt, definition }) if definition.check().is_ok() => {
            Some(DefinitionFact { salt, definition: (&*definition).into() })
        }
        _ => None,
    })
}

async fn fill(file: &Path, import: &mut dyn ports::LogImport) -> Result<()> {
    let mut archive = sources::archive(file, "restoring")?;
    let (mut records, mut size) = (Vec::new(), 0);
    while let Some(record) = archive.next_record()? {
        size += record.bytes.len();
        records.push(record);
        if records.len() == PUSH_RECORDS || size >= PUSH_BYTES {
            import.push(std::mem::take(&mut records)).await?;
            size = 0;
        }
    }
    Ok(import.push(records).await?)
}

/// Reads the log back before anybody is told of it.
async fn verify(ports: &Ports, event: &EventId, whole: &Whole) -> Result<()> {
    let mut log = LogSource::open(ports, event).await?;
    let mut chain = Chain::start(event);
    let link = |record: &Record| {
        chain.link(record.offset, record.at, &record.bytes);
        Ok(())
    };
    log.each(whole.footer.next, "verifying", link).await?;
    ensure!(
        chain == whole.footer.chain && ports.log.end(event).await? == whole.footer.next,
        "the log that was made is not the archive's; the event was not published: delete the log"
    );
    Ok(())
}

/// From here on workers take the event up. The definition comes last: without it nobody looks.
async fn put_facts(ports: &Ports, event: &EventId, whole: &Whole) -> Result<()> {
    if let Some(head) = &whole.header.head {
        ports.facts.put(&head_key(event), head.clone().into()).await?;
    }
    ports.facts.put(&state_key(event), whole.state.encode().into()).await?;
    ports.facts.put(&definition_key(event), whole.first.encode().into()).await?;
    Ok(())
}
