//! A disk that may fail and recover.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use redb::StorageBackend;

/// The file under the store. It knows what no sync has confirmed yet.
///
/// After a failed sync the system may take what it could not write for written, and the next sync
/// succeeds without it. So before the store is opened again, [`Disk::heal`] writes all of it again.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Box<dyn StorageBackend>,
    /// Offset and length of what was written since the last good sync.
    unsynced: Mutex<BTreeMap<u64, usize>>,
}

impl Disk {
    pub(crate) fn new(backend: impl StorageBackend) -> Self {
        Self(Arc::new(Inner { backend: Box::new(backend), unsynced: Mutex::default() }))
    }

    /// Makes durable what the file shows, after an error. Nobody else may write meanwhile.
    pub(crate) fn heal(&self) -> io::Result<()> {
        let file_end = self.0.backend.len()?;
        for (offset, length) in self.unsynced(|unsynced| unsynced.clone()) {
            let left = usize::try_from(file_end.saturating_sub(offset)).unwrap_or(usize::MAX);
            let mut shown = vec![0; length.min(left)];
            self.0.backend.read(offset, &mut shown)?;
            self.0.backend.write(offset, &shown)?;
        }
        self.sync_data()
    }

    fn unsynced<T>(&self, work: impl FnOnce(&mut BTreeMap<u64, usize>) -> T) -> T {
        work(&mut self.0.unsynced.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// Without the lock methods: the folder was locked when it was opened. Without `close`, as the file
// is opened again after an error.
impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.backend.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.backend.sync_data()?;
        self.unsynced(BTreeMap::clear);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.unsynced(|unsynced| {
            let length = unsynced.entry(offset).or_default();
            *length = data.len().max(*length);
        });
        self.0.backend.write(offset, data)
    }
}
