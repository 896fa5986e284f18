//! HTTP calls, spread over the processes that serve them like a load balancer would.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, header::HeaderMap};
use serde_json::Value;

use crate::{kube::Routes, meter::Meter};

/// How long one call may take before the driver calls it lost.
const CALL_SECS_MAX: u64 = 15;

/// Which role serves a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Writes of shoppers.
    Api,
    /// Reads, pages, stream, keys.
    Gateway,
    Operator,
}

/// One process that serves a role.
#[derive(Debug)]
pub struct Base {
    pub url: String,
    /// False = taken out of rotation.
    pub up: AtomicBool,
}

/// Where each role is served.
#[derive(Debug, Default)]
pub struct Bases {
    pub api: Vec<Arc<Base>>,
    pub gateway: Vec<Arc<Base>>,
    pub operator: Vec<Arc<Base>>,
    next: AtomicUsize,
}

impl Bases {
    pub fn of(&self, role: Role) -> &[Arc<Base>] {
        match role {
            Role::Api => &self.api,
            Role::Gateway => &self.gateway,
            Role::Operator => &self.operator,
        }
    }

    /// Those in rotation.
    pub fn up(&self, role: Role) -> Vec<&Arc<Base>> {
        self.of(role).iter().filter(|base| base.up.load(Ordering::Relaxed)).collect()
    }

    /// The next process in turn out of those in rotation, or of all when none is.
    pub fn pick(&self, role: Role) -> Arc<Base> {
        let all = self.of(role);
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let up = self.up(role);
        match up.len() {
            0 => all[turn % all.len()].clone(),
            n => up[turn % n].clone(),
        }
    }
}

/// One answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The problem's code, "" when there is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// `name=value` of the cookie that this answer sets.
    pub fn cookie(&self) -> Option<String> {
        let set = self.header("set-cookie")?;
        Some(set.split(';').next().unwrap_or(set).to_owned())
    }

    pub fn retry_after(&self) -> Option<u64> {
        self.header("retry-after").and_then(|text| text.parse().ok())
    }

    /// Status and start of the body, for a report.
    pub fn brief(&self) -> String {
        format!("{} {}", self.status, self.text.chars().take(300).collect::<String>())
    }
}

/// Makes calls.
#[derive(Debug, Clone)]
pub struct Caller {
    pub bases: Arc<Bases>,
    /// The service's own origin.
    pub origin: String,
    pub token: String,
    /// Operations of shoppers.
    pub meter: Arc<Meter>,
    /// Who serves what, where the product's deployment says so; else a call goes to the role that it is for.
    pub front: Option<Arc<Routes>>,
    client: Client,
}

/// What a call carries besides its address.
#[derive(Debug, Clone, Default)]
pub struct Extra<'a> {
    pub cookie: Option<&'a str>,
    pub seq: Option<u64>,
    pub key: Option<&'a str>,
    pub json: Option<Value>,
}

impl Caller {
    pub fn new(bases: Arc<Bases>, origin: String, token: String) -> Result<Self> {
        let client = Client::builder()
            .timeout(Duration::from_secs(CALL_SECS_MAX))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("cannot make an HTTP client")?;
        Ok(Self { bases, origin, token, meter: Arc::default(), front: None, client })
    }

    /// A call of any shape to a role.
    pub fn raw(&self, role: Role, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.base(role, &method, path).url);
        self.client.request(method, url)
    }

    /// Who serves such a call next. The operator's are made from inside, past the front.
    pub fn base(&self, role: Role, method: &Method, path: &str) -> Arc<Base> {
        let front = self.front.as_ref().filter(|_| role != Role::Operator);
        let role = front.and_then(|routes| routes.role(method, path)).unwrap_or(role);
        self.bases.pick(role)
    }

    /// What a browser on our own page sends.
    pub async fn shopper(
        &self,
        role: Role,
        method: Method,
        path: &str,
        extra: &Extra<'_>,
    ) -> Result<Answer> {
        let mut request = self.raw(role, method, path).header("origin", &self.origin);
        if let Some(cookie) = extra.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(seq) = extra.seq {
            request = request.header("twinkle-seq", seq.to_string());
        }
        if let Some(key) = extra.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(json) = &extra.json {
            request = request.json(json);
        }
        self.meter.watch(role, send(request)).await
    }

    /// A call to one process.
    pub async fn at(&self, method: Method, url: &str) -> Result<Answer> {
        send(self.client.request(method, url)).await
    }

    pub async fn get(&self, path: &str) -> Result<Answer> {
        send(self.raw(Role::Gateway, Method::GET, path)).await
    }

    /// A call with the operator's token.
    pub async fn operator(
        &self,
        method: Method,
        path: &str,
        json: Option<&Value>,
    ) -> Result<Answer> {
        let path = format!("/operator/v1/events{path}");
        let mut request = self.raw(Role::Operator, method, &path).bearer_auth(&self.token);
        if let Some(json) = json {
            request = request.json(json);
        }
        send(request).await
    }

    /// An operator's call that must succeed.
    pub async fn operate(&self, method: Method, path: &str, json: Option<&Value>) -> Result<Value> {
        let answer = self.operator(method, path, json).await?;
        if !(200..300).contains(&answer.status) {
            bail!("the operator's {path} answered {}", answer.brief());
        }
        Ok(answer.body)
    }
}

/// Sends and reads the whole answer.
pub async fn send(request: reqwest::RequestBuilder) -> Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, headers, text, body })
}
