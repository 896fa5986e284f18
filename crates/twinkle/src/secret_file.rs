//! Small files that others put there: passwords, keys, certificates.

use std::{fs::File, io::Read as _, path::Path};

use anyhow::{Context, Result, ensure};

/// Largest file that is read, in bytes: room for all the system's authorities.
const BYTES_MAX: u64 = 1024 * 1024;

/// The text of the file without the white space around it; `name` is the variable that named it.
///
/// # Errors
/// When it can't be read, is empty or too large; never with any of its text.
pub(crate) fn read(path: &Path, name: &str) -> Result<String> {
    let mut text = String::new();
    let open = File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text));
    let bytes = open.with_context(|| format!("can't read {} ({name})", path.display()))?;
    ensure!(
        bytes as u64 <= BYTES_MAX,
        "{} ({name}) has more than {BYTES_MAX} bytes",
        path.display()
    );
    let text = text.trim();
    ensure!(!text.is_empty(), "{} ({name}) is empty", path.display());
    Ok(text.to_owned())
}
