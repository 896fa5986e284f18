//! Token and keys: configured, or made once and kept beside the embedded log.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, Result, bail};

use crate::stores::Stores;

const TOKEN_FILE: &str = "operator-token";
const COOKIE_FILE: &str = "cookie-keys";
const PASS_FILE: &str = "pass-keys";

/// What the configuration gives.
pub(crate) struct Given {
    pub(crate) operator_token: Option<String>,
    pub(crate) cookie_keys: Option<String>,
    pub(crate) pass_keys: Option<String>,
}

/// All that is needed.
pub(crate) struct Secrets {
    pub(crate) operator_token: String,
    pub(crate) cookie_keys: String,
    pub(crate) pass_keys: String,
}

/// Settles what is given and makes what is missing; tells whether the token is new.
///
/// Several processes must share their keys, so nothing is made for split roles.
pub(crate) fn settle(given: Given, stores: &Stores, all_roles: bool) -> Result<(Secrets, bool)> {
    let keep = match stores {
        Stores::Embedded { data } => Some(data.as_path()),
        Stores::Distributed(_) => None,
    };
    if !all_roles {
        let missing = [
            ("TWINKLE_OPERATOR_TOKEN", given.operator_token.is_none()),
            ("TWINKLE_COOKIE_KEYS", given.cookie_keys.is_none()),
            ("TWINKLE_PASS_KEYS", given.pass_keys.is_none()),
        ];
        if let Some((name, _)) = missing.iter().find(|(_, missing)| *missing) {
            bail!(
                "{name} must be set (or {name}_FILE), the same for every process, when roles are split"
            );
        }
    }
    let (operator_token, new_token) =
        one(given.operator_token, keep, TOKEN_FILE, || Ok(hex(&random()?)))?;
    let (cookie_keys, _) = one(given.cookie_keys, keep, COOKIE_FILE, key)?;
    let (pass_keys, _) = one(given.pass_keys, keep, PASS_FILE, key)?;
    Ok((Secrets { operator_token, cookie_keys, pass_keys }, new_token))
}

/// The token of an embedded service on this machine.
pub(crate) fn kept_token(data: &Path) -> Option<String> {
    fs::read_to_string(data.join(TOKEN_FILE)).ok().map(|text| text.trim().to_owned())
}

/// The keys of the pass of an embedded service on this machine.
pub(crate) fn kept_pass_keys(data: &Path) -> Option<String> {
    fs::read_to_string(data.join(PASS_FILE)).ok().map(|text| text.trim().to_owned())
}

fn one(
    given: Option<String>,
    keep: Option<&Path>,
    file: &str,
    make: impl FnOnce() -> Result<String>,
) -> Result<(String, bool)> {
    if let Some(given) = given {
        return Ok((given, false));
    }
    let Some(folder) = keep else { return Ok((make()?, true)) };
    let path = folder.join(file);
    match fs::read_to_string(&path) {
        Ok(text) => return Ok((text.trim().to_owned(), false)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
    }
    let made = make()?;
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    write_private(&path, &made).with_context(|| format!("can't write {}", path.display()))?;
    Ok((made, true))
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn key() -> Result<String> {
    Ok(wire::format_key("k1", &random()?))
}

fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
