//! The configuration: flags, environment, then one file; checked before anything is bound.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Command, ValueEnum};
use http_kit::{Origins, PublicUrl};
use operator::Token;
use wire::{CookieKeys, PassKeys};

use crate::{
    certificates,
    rotation::Followed,
    secret_file, secrets,
    stores::{StoreArgs, Stores},
};

/// Longest time for sockets and requests to end at a shutdown, in seconds.
const DRAIN_SECS_MAX: u64 = 600;

const TOKEN: &str = "TWINKLE_OPERATOR_TOKEN";
const COOKIE_KEYS: &str = "TWINKLE_COOKIE_KEYS";
const PASS_KEYS: &str = "TWINKLE_PASS_KEYS";

/// Share of commands that are traced where a collector is named.
const TRACES_RATIO: f64 = 0.001;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Everything that appends
    Api,
    /// Folds, owns, projects
    Worker,
    /// Pages, reads, streams
    Gateway,
    /// Makes and drives events
    Operator,
}

impl Role {
    pub(crate) const ALL: [Role; 4] = [Role::Api, Role::Worker, Role::Gateway, Role::Operator];
}

/// Flags of `twinkle serve`; each has an environment variable of the same name.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// A YAML file with the same names: `listen: 0.0.0.0:8080`
    #[arg(long, env = "TWINKLE_CONFIG")]
    config: Option<PathBuf>,
    /// What this process does
    #[arg(
        long,
        env = "TWINKLE_ROLES",
        value_delimiter = ',',
        value_enum,
        default_value = "api,worker,gateway,operator"
    )]
    roles: Vec<Role>,
    /// Address of pages, API and streams
    #[arg(long, env = "TWINKLE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Address of /livez, /readyz and /metrics
    #[arg(long, env = "TWINKLE_ADMIN_LISTEN", default_value = "127.0.0.1:9090")]
    admin_listen: SocketAddr,
    /// How browsers reach the service [default: http://LISTEN]
    #[arg(long, env = "TWINKLE_PUBLIC_URL")]
    public_url: Option<String>,
    /// Further origins that may call, separated by commas
    #[arg(long, env = "TWINKLE_ORIGINS", value_delimiter = ',')]
    origins: Vec<String>,
    /// Folder of the embedded log, used without Kafka and Redis
    #[arg(long, env = "TWINKLE_DATA", default_value = "./twinkle-data")]
    data: PathBuf,
    #[command(flatten)]
    stores: StoreArgs,
    /// Bearer token of the operator
    #[arg(long, env = "TWINKLE_OPERATOR_TOKEN", hide_env_values = true)]
    operator_token: Option<String>,
    /// File with the token, read again while running
    #[arg(long, env = "TWINKLE_OPERATOR_TOKEN_FILE")]
    operator_token_file: Option<PathBuf>,
    /// `id:secret[,older…]`, base64url of 32 bytes each; the first signs, all verify
    #[arg(long, env = "TWINKLE_COOKIE_KEYS", hide_env_values = true)]
    cookie_keys: Option<String>,
    /// File with them, read again while running
    #[arg(long, env = "TWINKLE_COOKIE_KEYS_FILE")]
    cookie_keys_file: Option<PathBuf>,
    /// `id:seed[,older…]`, base64url of 32 bytes each (Ed25519), for passes and heads of logs
    #[arg(long, env = "TWINKLE_PASS_KEYS", hide_env_values = true)]
    pass_keys: Option<String>,
    /// File with them, read again while running
    #[arg(long, env = "TWINKLE_PASS_KEYS_FILE")]
    pass_keys_file: Option<PathBuf>,
    /// Longest time for requests and sockets to end at a shutdown
    #[arg(long, env = "TWINKLE_DRAIN_SECS", default_value_t = 20)]
    drain_secs: u64,
    /// Most connections at once [default: what the limit of open files allows]
    #[arg(long, env = "TWINKLE_CONNECTIONS_MAX")]
    connections_max: Option<usize>,
    /// What is logged, as `info` or `twinkle_worker=debug,info`
    #[arg(long, env = "TWINKLE_LOG", default_value = "info")]
    log: String,
    /// How it is logged
    #[arg(long, env = "TWINKLE_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    /// Address of an OpenTelemetry collector (OTLP over HTTP), such as http://collector:4318
    #[arg(long, env = "TWINKLE_TRACES")]
    traces: Option<String>,
    /// Share of commands that are traced, 0 to 1
    #[arg(long, env = "TWINKLE_TRACES_RATIO", default_value_t = TRACES_RATIO)]
    traces_ratio: f64,
    /// Make and open the sample event `popup` when there is no event yet (embedded only)
    #[arg(long, env = "TWINKLE_SAMPLE", default_value_t = true, action = clap::ArgAction::Set)]
    sample: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A configuration that can work.
pub(crate) struct Config {
    pub(crate) roles: Vec<Role>,
    pub(crate) listen: SocketAddr,
    pub(crate) admin_listen: SocketAddr,
    pub(crate) public_url: PublicUrl,
    pub(crate) public_text: String,
    pub(crate) origins: Origins,
    pub(crate) stores: Stores,
    pub(crate) token: Token,
    /// The same in plain text, for the person who started it and for the sample event.
    pub(crate) operator_token: String,
    pub(crate) cookie_keys: CookieKeys,
    pub(crate) pass_keys: PassKeys,
    /// Where keys and token may change while we run.
    pub(crate) followed: Vec<Followed>,
    pub(crate) drain: Duration,
    pub(crate) connections_max: Option<usize>,
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    pub(crate) certificates: certificates::Files,
    pub(crate) traces: Option<traces::Settings>,
    pub(crate) sample: bool,
    /// The token was made just now: its user has not seen it yet.
    pub(crate) new_token: bool,
}

impl ServeArgs {
    /// Checks everything that can be checked without the network.
    pub(crate) fn check(self) -> Result<Config> {
        ensure!(
            self.drain_secs <= DRAIN_SECS_MAX,
            "TWINKLE_DRAIN_SECS takes up to {DRAIN_SECS_MAX}"
        );
        ensure!(self.connections_max != Some(0), "TWINKLE_CONNECTIONS_MAX must be above 0");
        ensure!(
            self.listen.port() == 0 || self.listen != self.admin_listen,
            "TWINKLE_LISTEN and TWINKLE_ADMIN_LISTEN must differ"
        );
        ensure!(
            (0.0..=1.0).contains(&self.traces_ratio),
            "TWINKLE_TRACES_RATIO takes a share from 0 to 1"
        );
        let all = Role::ALL.iter().all(|role| self.roles.contains(role));
        let public_text = self.public_url.unwrap_or_else(|| own_url(self.listen));
        let public_url: PublicUrl = public_text.parse().context("TWINKLE_PUBLIC_URL")?;
        let further = self.origins.iter().filter(|origin| !origin.is_empty());
        let further: Vec<PublicUrl> =
            further.map(|o| o.parse().context("TWINKLE_ORIGINS")).collect::<Result<_>>()?;
        let certificates = self.stores.certificates();
        let mut stores = self.stores.check(self.data)?;
        if self.roles == [Role::Gateway] {
            stores = stores.read_only();
        }
        if matches!(stores, Stores::Embedded { .. }) && !all {
            bail!("roles can only be split with TWINKLE_KAFKA and TWINKLE_REDIS");
        }
        let given = secrets::Given {
            operator_token: either(self.operator_token, &self.operator_token_file, TOKEN)?,
            cookie_keys: either(self.cookie_keys, &self.cookie_keys_file, COOKIE_KEYS)?,
            pass_keys: either(self.pass_keys, &self.pass_keys_file, PASS_KEYS)?,
        };
        let (secrets, new_token) = secrets::settle(given, &stores, all)?;
        let token = Token::new(&secrets.operator_token).context(TOKEN)?;
        let cookie_keys = CookieKeys::parse(&secrets.cookie_keys).context(COOKIE_KEYS)?;
        let pass_keys = PassKeys::parse(&secrets.pass_keys).context(PASS_KEYS)?;
        let mut followed = Vec::new();
        if let Some(path) = self.operator_token_file {
            let token = token.clone();
            let put = move |text: &str| Ok(token.replace(text)?);
            followed.push(Followed::new("TWINKLE_OPERATOR_TOKEN_FILE", path, put));
        }
        if let Some(path) = self.cookie_keys_file {
            let keys = cookie_keys.clone();
            let put = move |text: &str| Ok(keys.replace(text)?);
            followed.push(Followed::new("TWINKLE_COOKIE_KEYS_FILE", path, put));
        }
        if let Some(path) = self.pass_keys_file {
            let keys = pass_keys.clone();
            let put = move |text: &str| Ok(keys.replace(text)?);
            followed.push(Followed::new("TWINKLE_PASS_KEYS_FILE", path, put));
        }
        let traces = self.traces.filter(|endpoint| !endpoint.is_empty()).map(|endpoint| {
            traces::Settings { endpoint, ratio: self.traces_ratio, roles: role_names(&self.roles) }
        });
        Ok(Config {
            certificates,
            traces,
            roles: self.roles,
            listen: self.listen,
            admin_listen: self.admin_listen,
            origins: Origins::new(&public_url, &further),
            public_url,
            public_text: public_text.trim_end_matches('/').to_owned(),
            stores,
            token,
            operator_token: secrets.operator_token,
            cookie_keys,
            pass_keys,
            followed,
            drain: Duration::from_secs(self.drain_secs),
            connections_max: self.connections_max,
            log: self.log,
            log_format: self.log_format,
            sample: self.sample,
            new_token,
        })
    }
}

/// A secret from its variable or from its file.
fn either(text: Option<String>, file: &Option<PathBuf>, name: &str) -> Result<Option<String>> {
    match (text, file) {
        (Some(_), Some(_)) => bail!("{name} and {name}_FILE are both set: keep one of them"),
        (None, Some(path)) => secret_file::read(path, &format!("{name}_FILE")).map(Some),
        (text, None) => Ok(text),
    }
}

/// As in `api,worker`.
pub(crate) fn role_names(roles: &[Role]) -> String {
    let names: Vec<_> = roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
    names.join(",")
}

fn own_url(listen: SocketAddr) -> String {
    let host =
        if listen.ip().is_unspecified() { "127.0.0.1".into() } else { listen.ip().to_string() };
    format!("http://{host}:{}", listen.port())
}

/// Lets the file that `--config` or `TWINKLE_CONFIG` names give the defaults of `serve`.
pub(crate) fn with_file(command: Command) -> Result<Command> {
    let mut args = std::env::args();
    let flag = args.find_map(|arg| match arg.split_once('=') {
        Some(("--config", file)) => Some(Some(file.to_owned())),
        _ => (arg == "--config").then_some(None),
    });
    let named = flag.and_then(|file| file.or_else(|| args.next()));
    let Some(file) = named.or_else(|| std::env::var("TWINKLE_CONFIG").ok()) else {
        return Ok(command);
    };
    let text = fs::read_to_string(&file).with_context(|| format!("can't read {file}"))?;
    let values: std::collections::BTreeMap<String, yaml_serde::Value> = yaml_serde::from_str(&text)
        .with_context(|| format!("{file} is no YAML of names and values"))?;
    let mut serve = command.find_subcommand("serve").context("no subcommand serve")?.clone();
    for (name, value) in values {
        let id = name.to_lowercase().trim_start_matches("twinkle_").replace('-', "_");
        let known = serve.get_arguments().any(|arg| arg.get_id() == id.as_str());
        ensure!(known, "{file} names {name}, which is no setting of `twinkle serve`");
        let text =
            plain(&value).with_context(|| format!("{name} in {file} takes a plain value"))?;
        serve = serve.mut_arg(id, |arg| arg.default_value(text));
    }
    Ok(command.mut_subcommand("serve", |_| serve))
}

fn plain(value: &yaml_serde::Value) -> Option<String> {
    match value {
        yaml_serde::Value::String(text) => Some(text.clone()),
        yaml_serde::Value::Number(number) => Some(number.to_string()),
        yaml_serde::Value::Bool(flag) => Some(flag.to_string()),
        yaml_serde::Value::Sequence(items) => {
            let items: Option<Vec<String>> = items.iter().map(plain).collect();
            items.map(|items| items.join(","))
        }
        _ => None,
    }
}
