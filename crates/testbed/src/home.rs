//! The folder in which a part keeps its data.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// A folder, and whether it goes with its owner.
#[derive(Debug)]
pub(crate) enum Home {
    /// Removed on drop.
    Temporary(PathBuf),
    /// Left as it is.
    Kept(PathBuf),
}

impl Home {
    /// A fresh folder under the system's temporary folder.
    pub(crate) fn temporary(name: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("twinkle-{name}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(folder);
        // A crashed process with our id may have left its own behind.
        let _ = std::fs::remove_dir_all(&path);
        create(&path)?;
        Ok(Self::Temporary(path))
    }

    /// A folder that stays.
    pub(crate) fn kept(path: &Path) -> Result<Self> {
        create(path)?;
        Ok(Self::Kept(path.canonicalize()?))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Temporary(path) | Self::Kept(path) => path,
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        matches!(self, Self::Kept(_))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Self::Temporary(path) = self {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn create(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("cannot create {}", path.display()))
}
