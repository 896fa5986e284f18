//! A disk made of memory that forgets what was not synced.

use std::{
    io,
    sync::{Arc, Mutex},
};

use redb::StorageBackend;

use super::Chance;

/// A disk whose power can be cut after any operation, and that can be sick. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Platter(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What reads see.
    shown: Vec<u8>,
    /// What is on the medium for good.
    kept: Vec<u8>,
    /// What is shown but not kept, in order.
    unsynced: Vec<Change>,
    /// How many more operations have power; none = all.
    power: Option<u64>,
    sickness: Option<Sickness>,
}

/// What is wrong with a disk.
#[derive(Debug)]
pub(super) enum Sickness {
    /// One operation in eight fails.
    Random(Chance),
    /// The next sync fails.
    NextSync,
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(index(*length), 0),
            Self::Write(offset, data) => {
                let (start, end) = (index(*offset), index(*offset) + data.len());
                image.resize(image.len().max(end), 0);
                image[start..end].copy_from_slice(data);
            }
        }
    }

    /// Lets only some of the bytes through.
    fn apply_torn(&self, image: &mut Vec<u8>, chance: &mut Chance) {
        let Self::Write(offset, data) = self else { return self.apply(image) };
        let mut start = 0;
        while start < data.len() {
            let length = 1 + index(chance.below(data.len() as u64 - start as u64));
            if chance.one_in(2) {
                let piece = data[start..start + length].to_vec();
                Self::Write(offset + start as u64, piece).apply(image);
            }
            start += length;
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("a small disk")
}

fn failure(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

impl Platter {
    /// Cuts the power after `operations` more.
    pub(super) fn cut_after(&self, operations: u64) {
        self.0.lock().unwrap().power = Some(operations);
    }

    pub(super) fn fall_sick(&self, sickness: Sickness) {
        self.0.lock().unwrap().sickness = Some(sickness);
    }

    pub(super) fn get_well(&self) {
        self.0.lock().unwrap().sickness = None;
    }

    /// Lets no operation through until the answer is dropped.
    pub(super) fn hold(&self) -> impl Drop + '_ {
        self.0.lock().unwrap()
    }

    pub(super) fn has_power(&self) -> bool {
        self.0.lock().unwrap().power != Some(0)
    }

    /// The disk as it is after a power cut: of what was not synced, anything may be missing or torn.
    pub(super) fn after_cut(&self, chance: &mut Chance) -> Self {
        let state = self.0.lock().unwrap();
        let mut image = state.kept.clone();
        let mood = chance.below(6);
        for change in &state.unsynced {
            match (mood, chance.below(4)) {
                (0, _) | (2.., 0) => {}
                (1, _) | (2.., 1 | 2) => change.apply(&mut image),
                _ => change.apply_torn(&mut image, chance),
            }
        }
        let state = State { shown: image.clone(), kept: image, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }
}

impl State {
    /// One operation: uses up power; tells whether it fails for sickness.
    fn operate(&mut self, is_sync: bool) -> io::Result<bool> {
        match &mut self.power {
            Some(0) => return Err(failure("no power")),
            Some(left) => *left -= 1,
            None => {}
        }
        match &mut self.sickness {
            Some(Sickness::Random(chance)) => Ok(chance.one_in(8)),
            Some(Sickness::NextSync) if is_sync => {
                self.sickness = None;
                Ok(true)
            }
            Some(Sickness::NextSync) | None => Ok(false),
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.shown);
        self.unsynced.push(change);
    }
}

impl StorageBackend for Platter {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().shown.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.power == Some(0) || state.operate(false)? {
            return Err(failure("a read failed"));
        }
        let shown = state.shown.get(index(offset)..index(offset) + out.len());
        out.copy_from_slice(shown.ok_or_else(|| failure("a read beyond the end"))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.operate(false)? {
            return Err(failure("no space"));
        }
        state.change(Change::Length(len));
        Ok(())
    }

    /// A sync that fails leaves what it should have kept shown, and never keeps it: some systems
    /// take such pages for clean.
    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let fails = state.operate(true)?;
        let unsynced = std::mem::take(&mut state.unsynced);
        if fails {
            return Err(failure("a sync failed"));
        }
        unsynced.iter().for_each(|change| change.apply(&mut state.kept));
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let fails = state.operate(false)?;
        let written = if fails { data.len() / 2 } else { data.len() };
        state.change(Change::Write(offset, data[..written].to_vec()));
        if fails { Err(failure("a write failed")) } else { Ok(()) }
    }
}
