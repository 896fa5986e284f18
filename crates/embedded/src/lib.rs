//! The event log and the facts on one disk, for the service in a single process with nothing else
//! installed.
//!
//! One file in the data folder holds everything. A writer thread gathers what arrives while the
//! disk is busy, makes it durable in one transaction (fdatasync) and only then answers. When the
//! disk fails, what is under way is answered with an error, and the writer goes on as soon as the
//! disk does.

mod disk;
mod facts;
mod folder;
mod log;
mod store;
mod tables;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ports::Clock;

use crate::{disk::Disk, store::Store, writer::Writer};

pub use facts::EmbeddedFacts;
pub use log::EmbeddedLog;
/// The view of the single process: kept in memory, rebuilt from the log by the worker at start.
pub use ports::memory::MemoryView as EmbeddedView;

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the data folder {0} is in use by another process: stop that one, or give this one a folder of its own"
    )]
    InUse(PathBuf),
    /// The folder or its file can't be read or written.
    #[error("the data folder {0} can't be used: {1}")]
    Io(PathBuf, io::Error),
    /// The file is not a log of ours, or is damaged beyond what a crash does.
    #[error("the log in {0} can't be read: {1}; put back a copy of it")]
    Damaged(PathBuf, String),
}

/// An open data folder. It is closed when this, its log and its facts are all dropped.
#[derive(Debug, Clone)]
pub struct Embedded {
    pub log: EmbeddedLog,
    pub facts: EmbeddedFacts,
}

impl Embedded {
    /// Opens a data folder; makes it when it isn't there. After a crash this reads the whole file.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let failed = |error: redb::Error| match error {
            redb::Error::Io(error) => OpenError::Io(folder.to_owned(), error),
            error => OpenError::Damaged(folder.to_owned(), error.to_string()),
        };
        let disk = folder::take(folder).map_err(failed)?;
        let disk = disk.ok_or_else(|| OpenError::InUse(folder.to_owned()))?;
        Self::on(disk, clock).map_err(failed)
    }

    fn on(disk: Disk, clock: Arc<dyn Clock>) -> Result<Self, redb::Error> {
        let store = Arc::new(Store::open(&disk)?);
        let writer = Arc::new(Writer::start(disk, Arc::clone(&store), clock)?);
        let log = EmbeddedLog::new(Arc::clone(&store), Arc::clone(&writer));
        Ok(Self { log, facts: EmbeddedFacts::new(store, writer) })
    }
}
