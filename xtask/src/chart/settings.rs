//! The chart sets what the binary reads, and the binary reads what the chart sets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::commands::root;

/// Variables of the binary that the chart does not set, each with its reason.
const UNSET: [(&str, &str); 8] = [
    ("TWINKLE_CONFIG", "the chart gives each value by itself"),
    ("TWINKLE_DATA", "the folder of an embedded log; the chart's roles use Kafka"),
    ("TWINKLE_SAMPLE", "the sample event is for an embedded log"),
    ("TWINKLE_URL", "of the subcommands that call a service"),
    ("TWINKLE_MUTANT", "of test builds"),
    ("TWINKLE_OPERATOR_TOKEN", "comes as a file, so that it can be replaced while pods run"),
    ("TWINKLE_COOKIE_KEYS", "comes as a file, so that it can be replaced while pods run"),
    ("TWINKLE_PASS_KEYS", "comes as a file, so that it can be replaced while pods run"),
];

/// Holds the variables in what was rendered against those in the binary's source.
///
/// # Errors
/// Naming what only one of the two knows.
pub(super) fn check(rendered: &[PathBuf]) -> Result<()> {
    let mut read = BTreeSet::new();
    sources(&root().join("crates/twinkle/src"), &mut read)?;
    let mut set = BTreeSet::new();
    for file in rendered {
        names(&std::fs::read_to_string(file)?, "name: ", &mut set);
    }
    let unset: BTreeSet<String> = UNSET.iter().map(|(name, _)| (*name).to_owned()).collect();
    let unread: Vec<_> = set.difference(&read).collect();
    let missing: Vec<_> = read.difference(&set).filter(|name| !unset.contains(*name)).collect();
    let stale: Vec<_> =
        unset.iter().filter(|name| !read.contains(*name) || set.contains(*name)).collect();
    ensure!(!set.is_empty() && !read.is_empty(), "no variables were found: is the check broken?");
    ensure!(unread.is_empty(), "the chart sets what the binary does not read: {unread:?}");
    ensure!(missing.is_empty(), "the binary reads what the chart cannot set: {missing:?}");
    ensure!(stale.is_empty(), "no longer exceptions, take them out of UNSET: {stale:?}");
    Ok(())
}

/// Autoscaling and canaries go by metrics that exist: each in `values.yaml` stands in the list of all.
///
/// # Errors
/// Naming those that nobody counts.
pub(super) fn metrics() -> Result<()> {
    let values = std::fs::read_to_string(root().join(super::CHART).join("values.yaml"))?;
    let known = std::fs::read_to_string(root().join("docs/metrics.md"))?;
    let of_words = |c: char| !(c.is_ascii_lowercase() || c == '_');
    let used = values.split(of_words).filter(|word| word.starts_with("twinkle_"));
    // A module, in an example of what is logged.
    let used: BTreeSet<&str> = used.filter(|word| *word != "twinkle_worker").collect();
    let counted = |name: &&&str| known.contains(&format!("`{}`", name.trim_end_matches("_bucket")));
    let unknown: Vec<_> = used.iter().filter(|name| !counted(name)).collect();
    ensure!(!used.is_empty(), "no metrics were found: is the check broken?");
    ensure!(
        unknown.is_empty(),
        "values.yaml asks for what docs/metrics.md does not know: {unknown:?}"
    );
    Ok(())
}

fn sources(folder: &Path, into: &mut BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, into)?;
        } else {
            let text = std::fs::read_to_string(&path)?;
            names(&text, "env = \"", into);
            names(&text, "env::var(\"", into);
        }
    }
    Ok(())
}

/// Every `TWINKLE_…` that stands right after `before`.
fn names(text: &str, before: &str, into: &mut BTreeSet<String>) {
    for piece in text.split(before).skip(1) {
        let name: String = piece
            .chars()
            .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_')
            .collect();
        into.extend(name.starts_with("TWINKLE_").then_some(name));
    }
}
