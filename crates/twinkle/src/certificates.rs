//! When the certificates that this process was given run out.

use std::{fs, path::PathBuf};

use ::meters::Meter;
use metrics::gauge;
use tracing::warn;
use x509_cert::{Certificate, der::Error};

const EXPIRES: &str = "twinkle_certificate_expires_timestamp_seconds";

/// What is said of them.
pub(crate) const METERS: &[Meter] = &[::meters::gauge(
    EXPIRES,
    "seconds since 1970",
    "setting",
    "When the first certificate in a file runs out",
)];

/// Variables and the PEM files that they name.
pub(crate) type Files = Vec<(&'static str, PathBuf)>;

/// Tells of each file when the first of its certificates runs out. They are read at the start only.
pub(crate) fn tell(files: &Files) {
    for (setting, path) in files {
        match fs::read(path).map_err(anyhow::Error::from).and_then(|pem| Ok(expires(&pem)?)) {
            Ok(Some(secs)) => gauge!(EXPIRES, "setting" => *setting).set(secs as f64),
            Ok(None) => {}
            Err(error) => warn!(setting, %error, "nobody can tell when this certificate runs out"),
        }
    }
}

fn expires(pem: &[u8]) -> Result<Option<u64>, Error> {
    let chain = Certificate::load_pem_chain(pem)?;
    let ends = chain.iter().map(|certificate| {
        certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs()
    });
    Ok(ends.min())
}
