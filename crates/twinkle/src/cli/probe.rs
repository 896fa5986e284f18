//! `twinkle probe`: does what a shopper does, once, and takes it back; for checks after an installation.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use domain::EventId;
use reqwest::{Client, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

const CALL_SECS_MAX: u64 = 10;
/// Pause before asking again, in milliseconds.
const PAUSE_MS: u64 = 500;

#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    #[command(subcommand)]
    what: Probe,
}

#[derive(Debug, Subcommand)]
enum Probe {
    /// Join the line of an open event, wait until the gateway shows the ticket, and leave again
    Join(JoinArgs),
}

#[derive(Debug, Args)]
struct JoinArgs {
    /// The event
    event: EventId,
    /// Where the api is
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    api: String,
    /// Where the gateway is
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    gateway: String,
    /// Give up after this many seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

pub(crate) async fn run(args: ProbeArgs) -> Result<()> {
    let Probe::Join(args) = args.what;
    let http = Client::builder().timeout(Duration::from_secs(CALL_SECS_MAX)).build()?;
    let until = Instant::now() + Duration::from_secs(args.seconds);
    let cookie = join(&http, &args, until).await?;
    let shown = shown(&http, &args, &cookie, until).await;
    // What did not show up is left all the same: nobody may stand in line for a check.
    let left = leave(&http, &args, &cookie).await;
    told(&args, &shown?);
    left
}

fn url(base: &str, event: &EventId, path: &str) -> String {
    format!("{}/api/v1/events/{event}/{path}", base.trim_end_matches('/'))
}

/// The cookie of a new ticket. What may only be late is asked again.
async fn join(http: &Client, args: &JoinArgs, until: Instant) -> Result<String> {
    let url = url(&args.api, &args.event, "tickets");
    let why = loop {
        let why = match http.post(&url).json(&json!({})).send().await {
            Ok(answer) if answer.status() == StatusCode::ACCEPTED => return cookie(&answer),
            Ok(answer) if answer.status() == StatusCode::CONFLICT => {
                bail!("{} takes no joins now: {}", args.event, problem(answer).await)
            }
            Ok(answer) => problem(answer).await,
            Err(error) => format!("{:#}", anyhow::Error::from(error)),
        };
        if Instant::now() > until {
            break why;
        }
        sleep(Duration::from_millis(PAUSE_MS)).await;
    };
    bail!("no join of {} through {}: {why}", args.event, args.api)
}

fn cookie(answer: &Response) -> Result<String> {
    let cookie = answer.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
    let pair = cookie.and_then(|text| text.split(';').next());
    Ok(pair.context("the join was answered without a cookie")?.to_owned())
}

/// The ticket as the gateway shows it.
async fn shown(http: &Client, args: &JoinArgs, cookie: &str, until: Instant) -> Result<Value> {
    let url = url(&args.gateway, &args.event, "ticket");
    let why = loop {
        let why = match http.get(&url).header(header::COOKIE, cookie).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(answer.json().await?),
            Ok(answer) => problem(answer).await,
            Err(error) => format!("{:#}", anyhow::Error::from(error)),
        };
        if Instant::now() > until {
            break why;
        }
        sleep(Duration::from_millis(PAUSE_MS)).await;
    };
    bail!(
        "the join of {} is in the log, but {} does not show it (is a worker running?): {why}",
        args.event,
        args.gateway
    )
}

async fn leave(http: &Client, args: &JoinArgs, cookie: &str) -> Result<()> {
    let url = url(&args.api, &args.event, "ticket");
    let answer = http.request(Method::DELETE, url).header(header::COOKIE, cookie).send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "the ticket could not be given back: {}", problem(answer).await);
    Ok(())
}

/// What an answer says of itself.
async fn problem(answer: Response) -> String {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    match body["detail"].as_str() {
        Some(detail) => format!("{status}, {detail}"),
        None => status.to_string(),
    }
}

#[allow(clippy::print_stdout, reason = "the answer is what the command is for")]
fn told(args: &JoinArgs, ticket: &Value) {
    let place = ticket["position"].as_u64().map_or(String::new(), |n| format!(" at place {n}"));
    let state = ticket["state"].as_str().unwrap_or("known");
    println!("joined {}, shown as {state}{place}, left again", args.event);
}
