//! One call outside of the load, waited for.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use serde::de::DeserializeOwned;

use super::{
    calls::{Calls, Use},
    request::Request,
    target::{Sources, Target},
};

/// How long such a call may take, in seconds.
const FETCH_SECS_MAX: u64 = 10;

const LOOK_MS: u64 = 1;

/// The JSON body of a 200.
pub fn fetch<T: DeserializeOwned>(
    target: &Target,
    request: &Request<'_>,
    origin: &str,
) -> Result<T> {
    let path = request.path;
    let (status, body) = ask(target, request, origin)?;
    ensure!(status == 200, "{path} answered {status} {}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).with_context(|| format!("{path} answered no such JSON"))
}

/// Status and body of whatever is answered.
pub fn ask(target: &Target, request: &Request<'_>, origin: &str) -> Result<(u16, Vec<u8>)> {
    let path = request.path;
    let calls =
        Use { targets: vec![target.clone()], most: 1, keep: false, sources: Sources::new(1, 0) };
    let mut calls = Calls::new(calls)?;
    calls.ask(0, 0, &request.render(target, origin));
    let deadline = Instant::now() + Duration::from_secs(FETCH_SECS_MAX);
    let mut told = None;
    while told.is_none() {
        ensure!(Instant::now() < deadline, "no answer from {path} in {FETCH_SECS_MAX} s");
        calls.turn(|_, result| {
            told = Some(match result {
                Ok(answer) => Ok((answer.status, answer.body.to_vec())),
                Err(why) => Err(anyhow!("{path} at {}: {why:?}", target.host)),
            });
        })?;
        thread::sleep(Duration::from_millis(LOOK_MS));
    }
    told.context("no answer")?
}
