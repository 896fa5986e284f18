//! The disk under the embedded log is full, then has room again: joins get 503 meanwhile, nothing
//! acknowledged is lost, and the service says what to do.

use std::{
    collections::HashSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use tokio::{
    task::block_in_place,
    time::{Instant, sleep},
};

use super::Seen;
use crate::{
    calls::{Answer, Extra, Role},
    dice::Dice,
    event::{self, until},
    problem,
    report::Report,
    stack::Stack,
};

const EVENT: &str = "full";
/// Joins under way at once.
const AT_ONCE: usize = 64;
/// By when the disk must have filled up.
const FULL_SECS_MAX: u64 = 60;
/// By when it must work again, and everyone's place be known.
const AGAIN_SECS_MAX: u64 = 20;
const POLL_MS: u64 = 100;
/// What the service writes into its log when the disk fails.
const ADVICE: &str = "make room";

/// Someone who was told that their join is in the log.
struct Joined {
    ticket: String,
    cookie: String,
}

/// The binary, started in such a way that a file that may not grow is an error and no signal.
pub fn wrapped(bin: &Path) -> Result<PathBuf> {
    let bin = bin.canonicalize().with_context(|| format!("no binary at {}", bin.display()))?;
    let script = std::env::temp_dir().join(format!("twinkle-disk-full-{}", std::process::id()));
    fs::write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nexec '{}' \"$@\"\n", bin.display()))?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700))?;
    Ok(script)
}

pub async fn run(stack: &mut Stack, report: &mut Report, seed: u64, seen: &mut Seen) -> Result<()> {
    event::open(stack, EVENT, &event::definition(1, 10)).await?;
    let mut dice = Dice::of(seed, 7);
    let mut joined = Vec::new();
    let refused = fill(stack, &mut dice, &mut joined).await?;
    let Some(refused) = refused else {
        report.check(format!("{} joins and the disk is not full", joined.len()), false);
        return Ok(());
    };
    report.note(format!("the disk is full after {} joins: {}", joined.len(), refused.brief()));
    report.check("joins were acknowledged before", !joined.is_empty());
    report
        .judge("a join on a full disk gets 503", problem::faults(&refused, 503, "log_unavailable"));
    let facts = stack.caller.get(&format!("/api/v1/events/{EVENT}")).await?;
    report.same("the event can still be read", facts.status, 200);
    let told = fs::read_to_string(stack.folder().join("all-0.log")).unwrap_or_default();
    report.check(format!("the log says: {ADVICE}"), told.contains(ADVICE));

    stack.servers[0].limit_files(None)?;
    goes_on(stack, &mut dice, &mut joined).await?;
    report.check("joins go on by themselves once there is room", true);
    all_have_places(stack, report, &joined, "with room again").await?;

    stack.servers[0].limit_files(Some(0))?;
    let refused = join(stack, dice.uuid().to_string()).await?;
    report.judge("full again", problem::faults(&refused, 503, "log_unavailable"));
    stack.servers[0].kill()?;
    block_in_place(|| stack.servers[0].start_again())?;
    goes_on(stack, &mut dice, &mut joined).await?;
    all_have_places(stack, report, &joined, "after kill -9 on a full disk").await?;
    seen.cookies.extend(joined.into_iter().map(|who| who.cookie));
    Ok(())
}

async fn join(stack: &Stack, key: String) -> Result<Answer> {
    let path = format!("/api/v1/events/{EVENT}/tickets");
    let extra = Extra { key: Some(&key), ..Extra::default() };
    stack.caller.shopper(Role::Api, Method::POST, &path, &extra).await
}

/// Lets people join until one is refused because the file cannot grow.
async fn fill(stack: &Stack, dice: &mut Dice, joined: &mut Vec<Joined>) -> Result<Option<Answer>> {
    let file = stack.folder().join("data/twinkle.redb");
    let size = fs::metadata(&file).with_context(|| file.display().to_string())?.len();
    stack.servers[0].limit_files(Some(size))?;
    let deadline = Instant::now() + Duration::from_secs(FULL_SECS_MAX);
    while Instant::now() < deadline {
        let keys: Vec<_> = (0..AT_ONCE).map(|_| dice.uuid().to_string()).collect();
        let answers = stream::iter(keys).map(|key| join(stack, key)).buffer_unordered(AT_ONCE);
        let answers: Vec<_> = answers.collect().await;
        let mut refused = None;
        for answer in answers {
            refused = take(answer?, joined).or(refused);
        }
        if refused.is_some() {
            return Ok(refused);
        }
    }
    Ok(None)
}

/// Notes who has joined; `Some` = was refused.
fn take(answer: Answer, joined: &mut Vec<Joined>) -> Option<Answer> {
    let ticket = answer.body["ticket"].as_str();
    let (202, Some(ticket), Some(cookie)) = (answer.status, ticket, answer.cookie()) else {
        return Some(answer);
    };
    joined.push(Joined { ticket: ticket.to_owned(), cookie });
    None
}

/// Waits until somebody can join again.
async fn goes_on(stack: &Stack, dice: &mut Dice, joined: &mut Vec<Joined>) -> Result<()> {
    let before = joined.len();
    until("a join is taken again", async || {
        let answer = join(stack, dice.uuid().to_string()).await?;
        let refused = take(answer, joined);
        Ok(refused.is_none() && joined.len() > before)
    })
    .await
}

/// Every ticket that was acknowledged has a place, and no two have the same.
async fn all_have_places(
    stack: &Stack,
    report: &mut Report,
    joined: &[Joined],
    when: &str,
) -> Result<()> {
    let places = stream::iter(joined).map(|who| place(stack, who)).buffer_unordered(AT_ONCE);
    let places: Vec<Result<u64>> = places.collect().await;
    let (places, lost): (Vec<_>, Vec<_>) = places.into_iter().partition(Result::is_ok);
    let lost = lost.into_iter().filter_map(Result::err).map(|error| format!("{error:#}"));
    report.judge(format!("nobody acknowledged is lost {when}"), lost.collect());
    let different: HashSet<u64> = places.into_iter().filter_map(Result::ok).collect();
    report.same(format!("every place has one ticket {when}"), different.len(), joined.len());
    Ok(())
}

async fn place(stack: &Stack, who: &Joined) -> Result<u64> {
    let path = format!("/api/v1/events/{EVENT}/ticket");
    let extra = Extra { cookie: Some(&who.cookie), ..Extra::default() };
    let deadline = Instant::now() + Duration::from_secs(AGAIN_SECS_MAX);
    loop {
        let answer = stack.caller.shopper(Role::Gateway, Method::GET, &path, &extra).await?;
        let position = answer.body["position"].as_u64();
        if let (200, Some(position), true) =
            (answer.status, position, answer.body["ticket"] == who.ticket.as_str())
        {
            return Ok(position);
        }
        anyhow::ensure!(Instant::now() < deadline, "{}: {}", who.ticket, answer.brief());
        sleep(Duration::from_millis(POLL_MS)).await;
    }
}
