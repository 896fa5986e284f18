//! Where an audit gets records, heads and keys from.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, IsTerminal, Read},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use audit::{Claim, archive::Reader};
use domain::EventId;
use indicatif::{ProgressBar, ProgressStyle};
use ports::{Facts, LogReader, Record};
use wire::{
    KeySet, PassKeys,
    body::HeadBody,
    facts::{EventFacts, EventTable, head_key},
};

use crate::{assemble::Ports, secrets, stores::Stores};

/// Longest wait for the log, the facts and the view to answer, in seconds.
pub(crate) const WAIT_SECS: u64 = 30;
/// Largest file of keys or heads, in bytes.
const SIDE_FILE_BYTES_MAX: u64 = 16 << 20;
/// Records between two moves of the progress bar.
const BAR_EVERY: u64 = 512;

/// Something slow under way, shown on a terminal.
pub(crate) fn bar(what: &'static str, length: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {elapsed} left {eta}");
    let bar = ProgressBar::new(length).with_message(what);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Reads a log in order, as far as it is asked to.
pub(crate) struct LogSource {
    reader: Box<dyn LogReader>,
    unread: std::vec::IntoIter<Record>,
}

impl LogSource {
    pub(crate) async fn open(ports: &Ports, event: &EventId) -> Result<Self> {
        let reader = ports.log.read(event, 0).await.context("the log of the event")?;
        Ok(Self { reader, unread: Vec::new().into_iter() })
    }

    pub(crate) async fn next(&mut self) -> Result<Record> {
        loop {
            if let Some(record) = self.unread.next() {
                return Ok(record);
            }
            let wait = Duration::from_secs(WAIT_SECS);
            let records = tokio::time::timeout(wait, self.reader.next()).await;
            self.unread = records.context("the log ended too early")??.into_iter();
        }
    }

    /// Hands over every record below `end`.
    pub(crate) async fn each(
        &mut self,
        end: u64,
        what: &'static str,
        mut take: impl FnMut(&Record) -> Result<()>,
    ) -> Result<()> {
        let bar = bar(what, end);
        let mut next = 0;
        while next < end {
            let record = self.next().await?;
            next = record.offset + 1;
            take(&record)?;
            if next.is_multiple_of(BAR_EVERY) {
                bar.set_position(next);
            }
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// Counts the bytes read from a file on a bar.
pub(crate) struct Counted {
    file: File,
    bar: ProgressBar,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bar.inc(read as u64);
        Ok(read)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

pub(crate) type ArchiveFile = Reader<BufReader<Counted>>;

/// Opens an archive.
pub(crate) fn archive(path: &Path, what: &'static str) -> Result<ArchiveFile> {
    let open = || -> Result<ArchiveFile> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let buffer = BufReader::with_capacity(1 << 16, Counted { file, bar: bar(what, length) });
        Ok(Reader::open(buffer)?)
    };
    open().with_context(|| path.display().to_string())
}

/// The stores of a command that only reads: a data folder that is not there is not made.
pub(crate) fn existing(stores: Stores) -> Result<Stores> {
    if let Stores::Embedded { data } = &stores {
        ensure!(
            data.exists(),
            "there is no data folder {}: name it with --data, or set TWINKLE_KAFKA and TWINKLE_REDIS",
            data.display()
        );
    }
    Ok(stores)
}

/// What the facts say of an event.
pub(crate) struct Known {
    pub(crate) facts: Option<EventFacts>,
    pub(crate) head: Option<String>,
}

pub(crate) async fn known(facts: &dyn Facts, event: &EventId) -> Result<Known> {
    let mut reader = facts.follow().await?;
    let wait = Duration::from_secs(WAIT_SECS);
    let all = tokio::time::timeout(wait, reader.next()).await;
    let (mut table, mut head) = (EventTable::default(), None);
    for fact in all.context("the facts were not told in time")?? {
        if fact.key == head_key(event) {
            head = Some(String::from_utf8_lossy(&fact.value).into_owned());
        } else if fact.key.split('/').next() == Some(event.as_str()) {
            table.apply(&fact.key, &fact.value)?;
        }
    }
    Ok(Known { facts: table.get(event), head })
}

/// The keys to check heads with: a file, those of the service, or none.
pub(crate) fn keys(
    jwks: Option<&Path>,
    pass_keys: Option<&str>,
    data: Option<&Path>,
) -> Result<Option<KeySet>> {
    if let Some(path) = jwks {
        let set = KeySet::parse(&side_file(path)?);
        return set.map(Some).with_context(|| path.display().to_string());
    }
    Ok(service_keys(pass_keys, data)?.map(|keys| KeySet::from(&keys)))
}

/// The keys of the service itself, where they are at hand.
pub(crate) fn service_keys(
    pass_keys: Option<&str>,
    data: Option<&Path>,
) -> Result<Option<PassKeys>> {
    let kept = data.and_then(secrets::kept_pass_keys);
    let text = pass_keys.map(str::to_owned).or(kept);
    text.map(|text| PassKeys::parse(&text).context("TWINKLE_PASS_KEYS")).transpose()
}

/// The heads of a file, one a line: as the endpoint answers them, or bare.
pub(crate) fn heads(path: &Path, keys: Option<&KeySet>) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for (number, line) in (1..).zip(side_file(path)?.lines()) {
        let line = line?;
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let source = format!("line {number} of {}", path.display());
        let body = serde_json::from_str::<HeadBody>(line).map(|body| body.head);
        let jws = body.unwrap_or_else(|_| line.to_owned());
        claims.push(Claim::read(source.as_str(), &jws, keys).context(source)?);
    }
    if claims.is_empty() {
        bail!("{} holds no heads", path.display());
    }
    Ok(claims)
}

fn side_file(path: &Path) -> Result<Vec<u8>> {
    let read = || -> Result<Vec<u8>> {
        let length = fs::metadata(path)?.len();
        ensure!(length <= SIDE_FILE_BYTES_MAX, "it has more than {SIDE_FILE_BYTES_MAX} bytes");
        Ok(fs::read(path)?)
    };
    read().with_context(|| format!("can't read {}", path.display()))
}
