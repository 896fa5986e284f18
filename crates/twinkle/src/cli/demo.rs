//! `twinkle demo`: a crowd of shoppers against a running service, so that the page moves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use domain::EventId;
use futures_util::StreamExt;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::{connect_async, tungstenite::client::IntoClientRequest};

/// Most shoppers of one demo: more is what `loadtest` is for.
const SHOPPERS_MAX: u32 = 5_000;
/// The whole crowd arrives within this span.
const ARRIVAL_SECS: u64 = 10;
const CALL_SECS_MAX: u64 = 10;
/// Two in this many shoppers leave the line, and as many let go of what they hold.
const CHANGE_OF_MIND: u32 = 20;
/// How long a shopper hopes for seats to return once all are gone, in seconds.
const HOPE_SECS: u64 = 20;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The event
    event: EventId,
    /// How many shoppers
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=i64::from(SHOPPERS_MAX)))]
    shoppers: u32,
    /// Stop after this many seconds
    #[arg(long, default_value_t = 900)]
    seconds: u64,
    /// Where the service is
    #[arg(long, env = "TWINKLE_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
}

/// Where the crowd stands.
#[derive(Debug, Default)]
struct Tally {
    joined: AtomicU32,
    inside: AtomicU32,
    booked: AtomicU32,
    left: AtomicU32,
    failed: AtomicU32,
}

pub(crate) async fn run(args: DemoArgs) -> Result<()> {
    let url = args.url.trim_end_matches('/').to_owned();
    let http = reqwest::Client::builder().timeout(Duration::from_secs(CALL_SECS_MAX)).build()?;
    let base = format!("{url}/api/v1/events/{}", args.event);
    let known = http.get(&base).send().await.with_context(|| format!("{url} does not answer"))?;
    if !known.status().is_success() {
        bail!("there is no event {} at {url}", args.event);
    }
    say(&format!("{} shoppers arrive; watch {url}/e/{}", args.shoppers, args.event));
    let tally = Arc::new(Tally::default());
    let crowd = (0..args.shoppers).map(|n| {
        let shopper = Shopper { http: http.clone(), base: base.clone(), cookie: String::new(), n };
        let tally = Arc::clone(&tally);
        let arrives =
            Duration::from_millis(ARRIVAL_SECS * 1_000 * u64::from(n) / u64::from(args.shoppers));
        tokio::spawn(async move {
            sleep(arrives).await;
            if shopper.shop(&tally).await.is_err() {
                tally.failed.fetch_add(1, Relaxed);
            }
        })
    });
    let crowd = futures_util::future::join_all(crowd.collect::<Vec<_>>());
    watch(crowd, &tally, args.shoppers, Duration::from_secs(args.seconds)).await;
    Ok(())
}

async fn watch<F: Future>(crowd: F, tally: &Tally, shoppers: u32, limit: Duration) {
    let end = Instant::now() + limit;
    let mut crowd = std::pin::pin!(crowd);
    let mut said = String::new();
    loop {
        let done = tokio::select! {
            _ = &mut crowd => true,
            () = sleep(Duration::from_secs(2)) => Instant::now() > end,
        };
        let news = format!("{tally} (of {shoppers})");
        if news != said {
            say(&news);
            said = news;
        }
        if done {
            return;
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |n: &AtomicU32| n.load(Relaxed);
        let (joined, inside, booked) =
            (count(&self.joined), count(&self.inside), count(&self.booked));
        let (left, failed) = (count(&self.left), count(&self.failed));
        write!(
            f,
            "{joined} joined, {inside} let in, {booked} booked, {left} left without, {failed} failed"
        )
    }
}

struct Shopper {
    http: reqwest::Client,
    base: String,
    cookie: String,
    n: u32,
}

impl Shopper {
    async fn shop(mut self, tally: &Tally) -> Result<()> {
        self.join().await?;
        tally.joined.fetch_add(1, Relaxed);
        if self.n % CHANGE_OF_MIND == 7 {
            sleep(Duration::from_secs(5)).await;
            self.ask(Method::DELETE, "/ticket", None).await?;
            tally.left.fetch_add(1, Relaxed);
            return Ok(());
        }
        if !self.wait_for_turn().await? {
            self.ask(Method::DELETE, "/ticket", None).await?;
            tally.left.fetch_add(1, Relaxed);
            return Ok(());
        }
        self.ask(Method::POST, "/entry?wait=2s", None).await?;
        tally.inside.fetch_add(1, Relaxed);
        let count = if self.choose().await? { &tally.booked } else { &tally.left };
        count.fetch_add(1, Relaxed);
        Ok(())
    }

    async fn join(&mut self) -> Result<()> {
        let response =
            self.http.post(format!("{}/tickets", self.base)).json(&json!({})).send().await?;
        let cookie =
            response.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|text| text.split(';').next()).map(str::to_owned);
        if response.status() != StatusCode::ACCEPTED {
            bail!("the join was answered {}", response.status());
        }
        self.cookie = cookie.context("a join sets the cookie")?;
        Ok(())
    }

    /// Listens until the turn comes; `false`: it never will, or all seats have been gone for long.
    async fn wait_for_turn(&self) -> Result<bool> {
        let mut gone: Option<Instant> = None;
        loop {
            let url = format!("{}/stream", self.base.replacen("http", "ws", 1));
            let mut request = url.into_client_request()?;
            request.headers_mut().insert(header::COOKIE, self.cookie.parse()?);
            if let Ok((mut socket, _)) = connect_async(request).await {
                while let Some(Ok(message)) = socket.next().await {
                    let Ok(text) = message.to_text() else { continue };
                    let frame: Value = serde_json::from_str(text).unwrap_or_default();
                    match frame["type"].as_str() {
                        Some("admitted") => return Ok(true),
                        Some("closed" | "expired" | "left") => return Ok(false),
                        Some("sold_out") => gone = gone.or(Some(Instant::now())),
                        Some("seats") => gone = gone.filter(|_| none_left(&frame["slots"])),
                        _ => {}
                    }
                    if gone.is_some_and(|gone| gone.elapsed().as_secs() >= HOPE_SECS) {
                        return Ok(false);
                    }
                }
            }
            sleep(Duration::from_millis(500 + u64::from(self.n % 10) * 100)).await;
        }
    }

    /// Takes seats where there are some, thinks, and books or gives them back.
    async fn choose(&self) -> Result<bool> {
        for attempt in 0..5 {
            let event: Value = self.http.get(&self.base).send().await?.json().await?;
            let slots = event["slots"].as_array().cloned().unwrap_or_default();
            let free: Vec<&Value> =
                slots.iter().filter(|s| s["remaining"].as_u64().is_some_and(|n| n > 0)).collect();
            let Some(slot) = free.get((self.n + attempt) as usize % free.len().max(1)) else {
                break;
            };
            let seats = 1 + u64::from(self.n % 2).min(slot["remaining"].as_u64().unwrap_or(1) - 1);
            let hold = json!({"slot": slot["id"], "seats": seats});
            if self.ask(Method::PUT, "/hold?wait=2s", Some(hold)).await?["type"] != "held" {
                continue;
            }
            sleep(Duration::from_secs(2 + u64::from(self.n % 7))).await;
            if self.n % CHANGE_OF_MIND == 3 {
                break;
            }
            let booked = self.ask(Method::PUT, "/booking?wait=2s", Some(json!({}))).await?;
            return Ok(booked["type"] == "booked");
        }
        self.ask(Method::DELETE, "/ticket", None).await?;
        Ok(false)
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method, url).header(header::COOKIE, &self.cookie);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Ok(request.send().await?.json().await?)
    }
}

fn none_left(slots: &Value) -> bool {
    slots.as_object().is_some_and(|slots| slots.values().all(|seats| seats.as_u64() == Some(0)))
}

#[allow(clippy::print_stdout, reason = "progress is what the command is for")]
fn say(text: &str) {
    println!("{text}");
}
