//! HTTP calls of the subcommands.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use reqwest::{Method, Response};
use serde_json::Value;

use crate::secrets;

const CALL_SECS_MAX: u64 = 30;

/// Which service, and who asks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Target {
    /// Where the service is
    #[arg(long, env = "TWINKLE_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// Bearer token of the operator [default: the one kept in the data folder]
    #[arg(long, env = "TWINKLE_OPERATOR_TOKEN", hide_env_values = true)]
    operator_token: Option<String>,
    /// Folder of the embedded service
    #[arg(long, env = "TWINKLE_DATA", default_value = "./twinkle-data")]
    data: PathBuf,
}

/// Calls of the operator.
#[derive(Clone)]
pub(crate) struct Operator {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Target {
    pub(crate) fn operator(self) -> Result<Operator> {
        let token = self.operator_token.or_else(|| secrets::kept_token(&self.data));
        let token = token.context("set TWINKLE_OPERATOR_TOKEN to the token of the service")?;
        Operator::new(&self.url, token)
    }
}

impl Operator {
    pub(crate) fn new(url: &str, token: String) -> Result<Self> {
        let timeout = Duration::from_secs(CALL_SECS_MAX);
        let http = reqwest::Client::builder().timeout(timeout).build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), token })
    }

    /// One call below `/operator/v1/events`; a problem becomes an error with its own words.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value> {
        let url = format!("{}/operator/v1/events{path}", self.url);
        let mut request = self.http.request(method, &url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response =
            request.send().await.with_context(|| format!("{} does not answer", self.url))?;
        read(response).await
    }
}

async fn read(response: Response) -> Result<Value> {
    let status = response.status();
    let text = response.text().await?;
    let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if status.is_success() {
        return Ok(value);
    }
    match value["detail"].as_str() {
        Some(detail) => bail!("{detail} ({})", value["code"].as_str().unwrap_or("no code")),
        None => bail!("the service answered {status}"),
    }
}
