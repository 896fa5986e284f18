//! A running service with one event, and the program's other commands beside it.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use reqwest::{Method, header};
use serde_json::{Value, json};
use testbed::Product;
use tokio::time::{Instant, sleep};

const BIN: &str = env!("CARGO_BIN_EXE_twinkle");
/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// Where the data are, and the settings that every command gets.
pub(crate) struct Shop {
    folder: PathBuf,
    env: Vec<(String, String)>,
    server: Option<Product>,
}

/// A shopper's cookie and ticket.
pub(crate) struct Shopper {
    cookie: String,
    pub(crate) ticket: String,
}

impl Shop {
    /// With these stores: `TWINKLE_DATA`, or `TWINKLE_KAFKA` and `TWINKLE_REDIS`.
    pub(crate) fn new(folder: &Path, stores: &[(&str, &str)]) -> Self {
        let key = |letter: char| format!("k1:{}", letter.to_string().repeat(43));
        let mut env: Vec<(String, String)> =
            stores.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        for (name, value) in [
            ("TWINKLE_OPERATOR_TOKEN", TOKEN.to_owned()),
            ("TWINKLE_COOKIE_KEYS", key('A')),
            ("TWINKLE_PASS_KEYS", key('Q')),
            ("TWINKLE_SAMPLE", "false".to_owned()),
            ("TWINKLE_DRAIN_SECS", "1".to_owned()),
        ] {
            env.push((name.to_owned(), value));
        }
        Self { folder: folder.to_owned(), env, server: None }
    }

    pub(crate) fn start(&mut self) {
        let started = Product::start(Path::new(BIN), "all", 0, &self.env, &self.folder);
        let mut server = started.expect("the program starts");
        server.wait_ready().expect("it gets ready");
        self.server = Some(server);
    }

    pub(crate) fn stop(&mut self) {
        let mut server = self.server.take().expect("a running server");
        assert!(server.terminate().expect("it ends").success());
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let port = self.server.as_ref().expect("a running server").port;
        format!("http://127.0.0.1:{port}{path}")
    }

    /// A call of the operator.
    pub(crate) async fn operate(&self, method: Method, path: &str, body: Option<Value>) {
        let url = self.url(&format!("/operator/v1/events/popup{path}"));
        let mut request = reqwest::Client::new().request(method, url).bearer_auth(TOKEN);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.expect("a text"));
    }

    /// Makes and opens the event.
    pub(crate) async fn open(&self) {
        let definition = json!({
            "title": {"en": "Pop-up"},
            "admission": {"rate_per_min": 600, "max_inside": 10, "claim_secs": 60, "window_secs": 600},
            "hold_secs": 300, "seats_per_ticket": 2,
            "slots": [{"id": "1100", "starts_at": "2036-12-05T11:00:00Z", "capacity": 5}],
        });
        self.operate(Method::PUT, "", Some(definition)).await;
        self.operate(Method::POST, "/open", None).await;
    }

    /// What is answered; `cookie` may be empty.
    async fn ask(&self, method: Method, path: &str, cookie: &str, body: Value) -> (u16, Value) {
        let request = reqwest::Client::new().request(method, self.url(path));
        let request = request.header(header::COOKIE, cookie).json(&body);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    pub(crate) async fn join(&self) -> Shopper {
        let url = self.url("/api/v1/events/popup/tickets");
        let until = Instant::now() + PATIENCE;
        loop {
            let request = reqwest::Client::new().post(&url).json(&json!({}));
            let answer = request.send().await.expect("an answer");
            if answer.status() == 202 {
                let cookie = answer.headers()[header::SET_COOKIE].to_str().expect("a text");
                let cookie = cookie.split(';').next().expect("a cookie").to_owned();
                let body: Value = answer.json().await.expect("JSON");
                return Shopper { cookie, ticket: body["ticket"].as_str().expect("id").to_owned() };
            }
            assert!(Instant::now() < until, "no join: {}", answer.status());
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The shopper's own state, once it is `state`.
    pub(crate) async fn until(&self, shopper: &Shopper, state: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let path = "/api/v1/events/popup/ticket";
            let (status, seen) = self.ask(Method::GET, path, &shopper.cookie, json!({})).await;
            if status == 200 && seen["state"] == state {
                return seen;
            }
            assert!(Instant::now() < until, "never {state}: {status} {seen}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// From the turn to the booking; its number.
    pub(crate) async fn reserve(&self, shopper: &Shopper) -> String {
        self.until(shopper, "admitted").await;
        let path = |step: &str| format!("/api/v1/events/popup/{step}?wait=2s");
        let cookie = &shopper.cookie;
        self.ask(Method::POST, &path("entry"), cookie, json!({})).await;
        let hold = json!({"slot": "1100", "seats": 2});
        self.ask(Method::PUT, &path("hold"), cookie, hold).await;
        self.ask(Method::PUT, &path("booking"), cookie, json!({})).await;
        let booked = self.until(shopper, "booked").await;
        booked["booking"]["booking"].as_str().expect("a number").to_owned()
    }

    /// The signed head as the endpoint answers it, and kept in a file.
    pub(crate) async fn head(&self, file: &Path) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let path = "/api/v1/events/popup/head";
            let (status, head) = self.ask(Method::GET, path, "", json!({})).await;
            if status == 200 {
                std::fs::write(file, head.to_string()).expect("a file");
                return head;
            }
            assert!(Instant::now() < until, "no head: {status} {head}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The public keys, kept in a file.
    pub(crate) async fn keys(&self, file: &Path) {
        let (_, keys) = self.ask(Method::GET, "/.well-known/jwks.json", "", json!({})).await;
        std::fs::write(file, keys.to_string()).expect("a file");
    }

    /// Runs one of the program's other commands.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(BIN);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TWINKLE_")) {
            command.env_remove(name);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.args(args).output().expect("the program starts")
    }

    /// One that works; what it says.
    pub(crate) fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (said, why) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{args:?}: {said}{why}");
        said
    }

    /// One that fails; what it says.
    pub(crate) fn refuses(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        said
    }

    /// The report of an audit that finds everything right.
    pub(crate) fn audit(&self, args: &[&str]) -> Value {
        let said = self.says(&[&["audit", "--json"], args].concat());
        serde_json::from_str(&said).expect("JSON")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What became of the check of that name.
pub(crate) fn verdict(report: &Value, what: &str) -> String {
    let checks = report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["what"] == what);
    let check = check.unwrap_or_else(|| panic!("no check of {what}: {report:#}"));
    check["verdict"].as_str().expect("a verdict").to_owned()
}
