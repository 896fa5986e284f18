//! Keys and token from files are read again while the program runs.
//!
//! By content and at fixed times: Kubernetes swaps a link when a secret changes, editors write anew,
//! and neither tells in the same way.

use std::{path::PathBuf, time::Duration};

use ::meters::{Meter, count};
use anyhow::Result;
use metrics::{counter, gauge};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use crate::secret_file;

/// Between two looks at a file.
const LOOK_EVERY: Duration = Duration::from_secs(2);

const RELOADS: &str = "twinkle_secret_reloads_total";
const STALE: &str = "twinkle_secret_stale";

/// What is said of the files.
pub(crate) const METERS: &[Meter] = &[
    count(RELOADS, "files", "setting, result", "Files of keys and token that were read anew"),
    ::meters::gauge(
        STALE,
        "0 or 1",
        "setting",
        "1: the file can't be used, older keys or token still count",
    ),
];

/// Takes a text over, or says why not.
type Put = Box<dyn Fn(&str) -> Result<()> + Send>;

/// A file, and who wants its text.
pub(crate) struct Followed {
    /// The variable that named it.
    setting: &'static str,
    path: PathBuf,
    put: Put,
    /// What was seen last, good or bad.
    seen: Option<Result<String, String>>,
}

impl Followed {
    /// The text that is there now counts as known.
    pub(crate) fn new(
        setting: &'static str,
        path: PathBuf,
        put: impl Fn(&str) -> Result<()> + Send + 'static,
    ) -> Self {
        Self { setting, path, put: Box::new(put), seen: None }
    }

    /// What can't be used changes nothing, and is told once, without any of its text.
    fn look(&mut self) {
        let found = secret_file::read(&self.path, self.setting);
        let found = found.map_err(|error| format!("{error:#}"));
        if self.seen.as_ref() == Some(&found) {
            return;
        }
        let first = self.seen.is_none();
        let put = match &found {
            Ok(text) => (self.put)(text).map_err(|error| format!("{error:#}")),
            Err(error) => Err(error.clone()),
        };
        self.seen = Some(found);
        gauge!(STALE, "setting" => self.setting).set(f64::from(u8::from(put.is_err())));
        if put.is_ok() && first {
            return;
        }
        let result = if put.is_ok() { "ok" } else { "failed" };
        counter!(RELOADS, "setting" => self.setting, "result" => result).increment(1);
        match put {
            Ok(()) => info!(setting = self.setting, "the file has changed and counts from now on"),
            Err(error) => error!(
                setting = self.setting,
                error, "the file can't be used: what was read before still counts; mend the file"
            ),
        }
    }
}

/// Follows the files in the background for the rest of the process.
pub(crate) fn follow(mut files: Vec<Followed>) {
    for Followed { setting, .. } in &files {
        for result in ["ok", "failed"] {
            drop(counter!(RELOADS, "setting" => *setting, "result" => result));
        }
    }
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::spawn(async move {
        loop {
            looks.tick().await;
            files.iter_mut().for_each(Followed::look);
        }
    });
}
