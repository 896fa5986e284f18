//! `twinkle serve`: bind, wire the roles together, serve, and end in order.

use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use directory::Directory;
use http_kit::{
    Cookies, CountRequests, Drained, Outcomes, Settings, admin, listen, with_fallbacks,
};
use producer_api::ExpressLayer;
use redis_view::RedisView;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tower::{Layer, util::option_layer};
use tracing::{info, warn};
use wire::HeadSigner;
use worker::Worker;

use crate::{
    assemble::{self, Ports},
    certificates,
    cli::client::Operator,
    config::{Config, Role},
    openapi, rotation, sample,
    stores::Stores,
    telemetry,
};

/// Longest wait for facts before the sample event is given up, in seconds.
const SAMPLE_SECS: u64 = 20;

/// From SIGTERM until the doors close: whoever asks every second sees that we are not ready before
/// anything is refused. Where routers need longer, what sends SIGTERM waits first (`preStop`).
const LINGER: Duration = Duration::from_secs(1);

/// Between looks at what is not ready yet.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT.
pub(crate) async fn run(mut config: Config) -> Result<()> {
    telemetry::log(&config.log, config.log_format)?;
    let render = telemetry::metrics(&config.roles)?;
    let traces = config.traces.as_ref().map(telemetry::traces).transpose()?;
    let (listener, admin_listener) = bind(&config)?;
    certificates::tell(&config.certificates);
    rotation::follow(std::mem::take(&mut config.followed));
    let ports = assemble::ports(&config.stores).await?;
    let directory = Directory::follow(ports.facts.clone());
    let (stop, stopped) = watch::channel(false);
    let (end, over) = watch::channel(false);
    let readiness = admin::Readiness::default();
    let accepting = readiness.latch("accepting");

    let roles = Roles::start(&config, &ports, &directory, &stopped);
    watch_facts(&readiness, &directory);
    if let Some(redis) = ports.redis.clone().filter(|_| reads_or_writes_view(&config.roles)) {
        watch_view(&readiness, redis);
    }
    let admin = tokio::spawn(http_kit::serve(
        admin_listener,
        admin::router(readiness, render),
        Settings { drain: Duration::ZERO, ..Settings::default() },
        ended(over),
    ));
    let settings = settings(&config);
    let service = option_layer(roles.express).layer(roles.router);
    let serving =
        tokio::spawn(http_kit::serve(listener, service, settings, ended(stopped.clone())));
    accepting.set(true);
    announce(&config).await;

    let signal = wait_for_signal().await?;
    info!("shutting down");
    accepting.set(false);
    if signal == SignalKind::terminate() {
        sleep(LINGER).await;
    }
    stop.send_replace(true);
    if let Drained::CutOff(open) = serving.await? {
        warn!(open, "connections were still open at the deadline");
    }
    roles.stop_worker.send_replace(true);
    if let Some(worker) = roles.worker {
        worker.await?;
    }
    // Last: until now it has said that this process is alive and not ready.
    end.send_replace(true);
    drop(timeout(Duration::from_secs(1), admin).await);
    if let Some(traces) = traces {
        // It waits for the collector, on a thread that may wait.
        tokio::task::spawn_blocking(|| traces.shutdown()).await?;
    }
    info!("ended");
    Ok(())
}

fn bind(config: &Config) -> Result<(TcpListener, TcpListener)> {
    let main = listen(config.listen);
    let admin = listen(config.admin_listen);
    Ok((
        main.with_context(|| format!("can't listen on {} (TWINKLE_LISTEN)", config.listen))?,
        admin.with_context(|| {
            format!("can't listen on {} (TWINKLE_ADMIN_LISTEN)", config.admin_listen)
        })?,
    ))
}

fn settings(config: &Config) -> Settings {
    let default = Settings::default();
    Settings {
        connections_max: config.connections_max.unwrap_or(default.connections_max),
        drain: config.drain,
        https: config.public_url.https(),
        ..default
    }
}

/// What this process does.
struct Roles {
    router: Router,
    /// Not where other origins may call: their answers need headers that the routes add.
    express: Option<ExpressLayer>,
    worker: Option<JoinHandle<()>>,
    /// The worker ends last: requests under way wait for what it tells.
    stop_worker: watch::Sender<bool>,
}

impl Roles {
    fn start(
        config: &Config,
        ports: &Ports,
        directory: &Directory,
        stopped: &watch::Receiver<bool>,
    ) -> Self {
        let has = |role| config.roles.contains(&role);
        let cookies =
            Cookies::new(config.cookie_keys.clone(), &config.public_url, ports.clock.clone());
        let outcomes = Outcomes::new(ports.reader.clone());
        let (mut router, mut express) = (openapi::router(), None);
        if has(Role::Api) {
            let (routes, joins) = api(config, ports, directory, &cookies, &outcomes);
            (router, express) = (router.merge(routes), Some(joins));
        }
        if has(Role::Gateway) {
            router = router.merge(gateway(config, ports, cookies, stopped));
        }
        if let Some(cors) = config.origins.cors() {
            (router, express) = (router.layer(cors), None);
        }
        if has(Role::Operator) {
            router = router.merge(operator(config, ports, directory, outcomes));
        }
        let router = router.layer(CountRequests);
        let (stop_worker, worker_stopped) = watch::channel(false);
        let worker = has(Role::Worker)
            .then(|| tokio::spawn(worker(config, ports, directory).run(worker_stopped)));
        Self { router: with_fallbacks(router), express, worker, stop_worker }
    }
}

fn api(
    config: &Config,
    ports: &Ports,
    directory: &Directory,
    cookies: &Cookies,
    outcomes: &Outcomes,
) -> (Router, ExpressLayer) {
    producer_api::router(producer_api::Parts {
        log: ports.log.clone(),
        directory: directory.clone(),
        cookies: cookies.clone(),
        origins: config.origins.clone(),
        passes: config.pass_keys.clone(),
        issuer: config.public_text.clone(),
        outcomes: Some(outcomes.clone()),
        commands_max: producer_api::gate::COMMANDS_MAX,
    })
}

fn gateway(
    config: &Config,
    ports: &Ports,
    cookies: Cookies,
    stopped: &watch::Receiver<bool>,
) -> Router {
    let default = gateway::Limits::default();
    gateway::router(gateway::Parts {
        view: ports.reader.clone(),
        cookies,
        origins: config.origins.clone(),
        passes: config.pass_keys.clone(),
        issuer: config.public_text.clone(),
        clock: ports.clock.clone(),
        limits: gateway::Limits { drain: config.drain / 2, ..default },
        stopped: stopped.clone(),
    })
}

fn operator(config: &Config, ports: &Ports, directory: &Directory, outcomes: Outcomes) -> Router {
    let parts = operator::Parts {
        log: ports.log.clone(),
        facts: ports.facts.clone(),
        view: ports.reader.clone(),
        directory: directory.clone(),
        outcomes,
    };
    operator::router(parts, config.token.clone())
}

fn worker(config: &Config, ports: &Ports, directory: &Directory) -> Worker {
    let (keys, issuer) = (config.pass_keys.clone(), config.public_text.clone());
    Worker {
        signer: HeadSigner { keys, issuer },
        log: ports.log.clone(),
        facts: ports.facts.clone(),
        view: ports.writer.clone(),
        clock: ports.clock.clone(),
        directory: directory.clone(),
        id: uuid::Uuid::new_v4().as_u64_pair().0,
    }
}

fn watch_facts(readiness: &admin::Readiness, directory: &Directory) {
    let known = readiness.latch("facts");
    let directory = directory.clone();
    tokio::spawn(async move {
        while timeout(LOOK_AGAIN, directory.ready()).await.is_err() {
            if let Some(why) = directory.trouble() {
                known.fails(why);
            }
        }
        known.set(true);
    });
}

fn reads_or_writes_view(roles: &[Role]) -> bool {
    roles.contains(&Role::Gateway) || roles.contains(&Role::Worker)
}

/// Ready once Redis has let us in: a wrong address or password never gets traffic. An outage later
/// takes nobody out of rotation: people keep the frames that they have (R5).
fn watch_view(readiness: &admin::Readiness, redis: RedisView) {
    let reached = readiness.latch("view");
    tokio::spawn(async move {
        while let Err(error) = redis.ping().await {
            warn!(%error, "the view can't be reached yet");
            reached.fails(error.to_string());
            sleep(LOOK_AGAIN).await;
        }
        reached.set(true);
    });
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn wait_for_signal() -> Result<SignalKind> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok(SignalKind::terminate()),
        _ = interrupt.recv() => Ok(SignalKind::interrupt()),
    }
}

/// Tells a person at the terminal where to go.
#[allow(clippy::print_stdout, reason = "the links are for the person who started it")]
async fn announce(config: &Config) {
    let url = &config.public_text;
    info!(listen = %config.listen, admin = %config.admin_listen, roles = ?config.roles, "serving");
    if config.new_token {
        println!("\n  Operator token (shown once):  {}", config.operator_token);
        if let Stores::Embedded { data } = &config.stores {
            println!("  It is kept in {}.", data.join("operator-token").display());
        }
    }
    if !matches!(config.stores, Stores::Embedded { .. }) || !config.sample {
        return;
    }
    let own = format!("http://{}", config.listen);
    let Ok(operator) = Operator::new(&own, config.operator_token.clone()) else { return };
    match timeout(Duration::from_secs(SAMPLE_SECS), sample::make_if_empty(&operator)).await {
        Ok(Ok(made)) => {
            if made {
                println!("\n  A sample event was made and opened.");
            }
            println!("\n  Reserve:  {url}/e/{}", sample::ID);
            println!("  Crowd:    cargo run --release -- demo {} --shoppers 200", sample::ID);
            println!("  API:      {url}/api/openapi.json");
            println!("  Metrics:  http://{}/metrics\n", config.admin_listen);
        }
        Ok(Err(error)) => warn!(%error, "the sample event was not made"),
        Err(_) => warn!("the sample event was not made in time"),
    }
}
