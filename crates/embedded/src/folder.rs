//! The data folder and the one file in it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
};

use redb::backends::FileBackend;

use crate::{disk::Disk, store::Store};

const FILE_NAME: &str = "twinkle.redb";

/// The file while it is made; one left behind by a crash is made anew.
const HALF_MADE_NAME: &str = "twinkle.redb.new";

/// Takes the folder's file for this process alone; makes both when they aren't there. None =
/// another process has it.
pub(crate) fn take(folder: &Path) -> Result<Option<Disk>, redb::Error> {
    fs::create_dir_all(folder)?;
    let file = open(&folder.join(FILE_NAME))?;
    if !locked(&file)? {
        return Ok(None);
    }
    if file.metadata()?.len() == 0 { make(folder) } else { disk(file).map(Some) }
}

/// Puts an empty store in the place of the empty file in one step, as a half-made one can't be
/// opened. The caller holds the lock of the empty file, for those who opened that one meanwhile.
fn make(folder: &Path) -> Result<Option<Disk>, redb::Error> {
    let half_made = folder.join(HALF_MADE_NAME);
    let file = open(&half_made)?;
    if !locked(&file)? {
        return Ok(None);
    }
    file.set_len(0)?;
    drop(Store::open(&disk(file.try_clone()?)?)?);
    file.sync_all()?;
    fs::rename(half_made, folder.join(FILE_NAME))?;
    File::open(folder)?.sync_all()?;
    disk(file).map(Some)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Locks the file until its last handle is closed; false = another process has.
fn locked(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn disk(file: File) -> Result<Disk, redb::Error> {
    Ok(Disk::new(FileBackend::new(file)?))
}
