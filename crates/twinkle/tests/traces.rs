//! The trace of one join goes from the API through Kafka to the worker and the gateway's frame; with
//! traces off there is no span and no header.

mod collector;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testbed::{Kafka, Product, Redis};

use collector::Collector;

const PATIENCE: Duration = Duration::from_secs(30);
const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const EVENT: &str = "popup";

/// A process for each role.
struct Site {
    servers: Vec<Product>,
    kafka: Kafka,
    _redis: Redis,
    folder: tempfile::TempDir,
    /// Without traces.
    env: Vec<(String, String)>,
}

impl Site {
    fn start(collector: &Collector) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (kafka, redis) = (Kafka::start().expect("Kafka"), Redis::start().expect("Redis"));
        let key = |letter: char| format!("k1:{}", letter.to_string().repeat(43));
        let env = vec![
            ("TWINKLE_KAFKA".to_owned(), kafka.bootstrap().to_owned()),
            ("TWINKLE_REDIS".to_owned(), redis.url().to_owned()),
            ("TWINKLE_OPERATOR_TOKEN".to_owned(), TOKEN.to_owned()),
            ("TWINKLE_COOKIE_KEYS".to_owned(), key('A')),
            ("TWINKLE_PASS_KEYS".to_owned(), key('Q')),
        ];
        let traces = [
            ("TWINKLE_TRACES", collector.url()),
            ("TWINKLE_TRACES_RATIO", "1".to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "200".to_owned()),
            ("TWINKLE_LOG_FORMAT", "json".to_owned()),
        ];
        let traces = traces.map(|(name, value)| (name.to_owned(), value));
        let traced = [&env[..], &traces[..]].concat();
        let start = |role| start(role, 0, &traced, folder.path());
        let mut servers = ["api", "worker", "gateway", "operator"].map(start);
        servers.iter_mut().for_each(|server| server.wait_ready().expect("it gets ready"));
        Self { servers: servers.into(), kafka, _redis: redis, folder, env }
    }

    fn url(&self, role: &str, path: &str) -> String {
        let server = self.servers.iter().find(|server| server.role == role).expect("a role");
        format!("http://127.0.0.1:{}{path}", server.port)
    }

    /// Calls until it is answered so.
    async fn call(&self, method: Method, url: String, body: Value, status: u16) {
        let begun = Instant::now();
        loop {
            let request = reqwest::Client::new().request(method.clone(), &url).bearer_auth(TOKEN);
            let answer = request.json(&body).send().await.expect("an answer").status();
            if answer == status {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{url}: {answer}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Makes an event that somebody looks at.
    async fn open(&self) {
        let definition = json!({
            "title": {"en": "Pop-up"},
            "admission": {"rate_per_min": 60, "max_inside": 1, "claim_secs": 60, "window_secs": 600},
            "hold_secs": 300, "seats_per_ticket": 2,
            "slots": [{"id": "1100", "starts_at": "2036-12-05T11:00:00Z", "capacity": 5}],
        });
        let event = self.url("operator", &format!("/operator/v1/events/{EVENT}"));
        self.call(Method::PUT, event.clone(), definition, 201).await;
        self.call(Method::POST, format!("{event}/open"), json!({}), 200).await;
        self.call(Method::GET, self.url("gateway", &format!("/e/{EVENT}")), json!({}), 200).await;
    }

    /// Joins; the ticket.
    async fn join(&self, port: u16) -> String {
        let url = format!("http://127.0.0.1:{port}/api/v1/events/{EVENT}/tickets");
        let answer = reqwest::Client::new().post(url).json(&json!({})).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), 202);
        let body: Value = answer.json().await.expect("a body");
        body["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// Everything that the processes of this role have logged.
    fn log(&self, role: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{role}.log"))).expect("a log")
    }

    /// The headers of the event's records so far, a line each, as kcat shows them.
    fn headers(&self) -> String {
        let topic = format!("twinkle.event.{EVENT}");
        let end = self.kcat(&["-Q", "-t", &format!("{topic}:0:-1")]);
        let end = end.trim().rsplit(' ').next().expect("the offset of the next record");
        // To a known end: ticks come more often than kcat would notice that there is no more.
        self.kcat(&["-C", "-q", "-t", &topic, "-p", "0", "-o", "0", "-c", end, "-f", "%h\n"])
    }

    fn kcat(&self, args: &[&str]) -> String {
        let out = Command::new("kcat").args(["-b", self.kafka.bootstrap()]).args(args).output();
        let out = out.expect("kcat runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }
}

/// One line of the API's log has the trace and the hash of the ticket, and none has the ticket.
fn is_logged_by_its_hash(log: &str, ticket: &str, trace: &str) {
    assert!(!log.contains(ticket), "{log}");
    let lines = log.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let of_trace: Vec<Value> = lines.filter(|line: &Value| line["trace_id"] == trace).collect();
    let hash = Sha256::digest(ticket);
    let hash: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(of_trace.len(), 1, "{log}");
    assert_eq!(of_trace[0]["ticket"], hash, "{log}");
}

fn start(role: &str, number: usize, env: &[(String, String)], folder: &Path) -> Product {
    let bin = Path::new(env!("CARGO_BIN_EXE_twinkle"));
    Product::start(bin, role, number, env, folder).expect("it starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_join_is_one_trace_over_three_processes() {
    let collector = Collector::start().await;
    let site = Site::start(&collector);
    site.open().await;
    let ticket = site.join(site.servers[0].port).await;
    let begun = Instant::now();
    let chain = loop {
        let spans = collector.spans();
        if let Some(chain) =
            collector::chain(&spans, &["join", "log append", "fold", "project", "frame"])
        {
            break chain;
        }
        assert!(begun.elapsed() < PATIENCE, "no whole trace: {spans:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let roles: Vec<_> = chain.iter().map(|span| span.roles.as_str()).collect();
    assert_eq!(roles, ["api", "api", "worker", "worker", "gateway"]);
    assert!(chain.iter().all(|span| span.trace == chain[0].trace), "{chain:#?}");
    let mark = format!("traceparent=00-{}-{}-01", chain[1].trace, chain[1].id);
    assert!(site.headers().contains(&mark), "no {mark}");

    is_logged_by_its_hash(&site.log("api-0"), &ticket, &chain[0].trace);

    let mut plain = start("api", 1, &site.env, site.folder.path());
    plain.wait_ready().expect("it gets ready");
    site.join(plain.port).await;
    let headers = site.headers();
    let (with, without): (Vec<_>, Vec<_>) = headers.lines().partition(|line| !line.is_empty());
    assert_eq!(with, [mark], "only the first join is traced");
    assert!(without.len() > 3, "the log has other records: {headers:?}");
}
