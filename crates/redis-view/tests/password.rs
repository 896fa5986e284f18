//! Passwords, and TLS where it is built in.

mod support;

#[cfg(feature = "tls")]
use std::{path::PathBuf, process::Command, time::Duration};

use ports::{LiveEvent, ViewReader, ViewWriter, WriteOutcome};
use support::{entries, event, generation, step, ticket, view, within};
use testbed::Redis;
#[cfg(feature = "tls")]
use testbed::{Process, free_port};

async fn works(url: &str) {
    let view = view(url);
    let mut live = view.listen(&event()).await.expect("listens");
    let built = step(generation(1, 0), 0, 10, entries(0..2_000, "a"));
    assert_eq!(view.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
    assert_eq!(within("message", live.next()).await, LiveEvent::Message("live 10".into()));
    let found = view.tickets(&event(), &[ticket(1)]).await.expect("an answer").expect("a head");
    assert_eq!(found.values, [Some("a".into())]);
}

#[tokio::test]
async fn a_password_is_used_and_never_told() {
    let redis = Redis::start().expect("Redis starts");
    redis.cli(&["CONFIG", "SET", "requirepass", "open-sesame"]).expect("set");
    works(&format!("redis://:open-sesame@127.0.0.1:{}", redis.port())).await;
    works(&format!("redis://default:open-sesame@127.0.0.1:{}/3", redis.port())).await;
    let wrong = view(&format!("redis://:open-barley@127.0.0.1:{}", redis.port()));
    let error = wrong.ping().await.expect_err("refused").to_string();
    assert!(!error.contains("open-"), "{error}");
    assert!(wrong.listen(&event()).await.is_err());
}

/// A reader may do no more than read: see the rights that the view needs.
#[tokio::test]
async fn readers_and_writers_need_few_rights() {
    let redis = Redis::start().expect("Redis starts");
    let keys = ["on", "nopass", "resetkeys", "resetchannels", "~twinkle:*", "&twinkle:*"];
    let all = ["-@all", "+hello", "+ping", "+exists", "+hmget", "+script|load"];
    let owner = ["+evalsha", "+smembers", "+hset", "+hdel", "+hlen", "+set", "+del", "+unlink"];
    let owner = [&owner[..], &["+sadd", "+srem", "+sismember", "+spublish"]].concat();
    let gateway = ["+evalsha_ro", "+get", "+hget", "+ssubscribe", "+sunsubscribe"];
    for (name, more) in [("owner", &owner[..]), ("gateway", &gateway[..])] {
        let user = [&["ACL", "SETUSER", name], &keys[..], &all[..], more].concat();
        redis.cli(&user).expect("a user");
    }
    let url = |name| format!("redis://{name}:any@127.0.0.1:{}", redis.port());
    let (owner, gateway) = (view(&url("owner")), view(&url("gateway")));
    let mut live = gateway.listen(&event()).await.expect("listens");
    for counter in 0..2 {
        let built = step(generation(1, counter), 0, 10, entries(0..2_000, "a"));
        assert_eq!(owner.rebuild(&event(), built).await, Ok(WriteOutcome::Done));
        assert_eq!(within("message", live.next()).await, LiveEvent::Message("live 10".into()));
    }
    let more = step(generation(1, 1), 10, 11, entries(0..2_000, "b"));
    assert_eq!(owner.write(&event(), more.clone()).await, Ok(WriteOutcome::Done));
    assert!(gateway.shared(&event()).await.expect("an answer").is_some());
    let found = gateway.tickets(&event(), &[ticket(1)]).await.expect("an answer").expect("a head");
    assert_eq!(found.values, [Some("b".into())]);
    gateway.ping().await.expect("an answer");
    assert!(gateway.write(&event(), more).await.is_err(), "a reader can't write");
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_tls_its_addresses_are_refused_at_once() {
    use twinkle_redis_view::{RedisConfig, RedisView};
    let error = RedisView::connect(RedisConfig::new("rediss://127.0.0.1/")).expect_err("no TLS");
    assert!(error.to_string().contains("TLS"), "{error}");
}

/// The certificates that a process trusts are fixed when it starts: so this starts another.
#[cfg(feature = "tls")]
#[test]
fn tls_works_with_a_trusted_certificate_only() {
    let server = TlsRedis::start();
    let run = |trusted: &str| {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--exact", "inner_tls"]).env("TLS_URL", &server.url);
        command.env("SSL_CERT_FILE", server.home.join(trusted)).output().expect("it runs")
    };
    let trusted = run("cert.pem");
    assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stdout));
    assert!(!run("other.pem").status.success(), "a certificate of somebody else");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn inner_tls() {
    // The inner half of the test above: trust is read from the environment of a whole process.
    if let Ok(url) = std::env::var("TLS_URL") {
        works(&url).await;
    }
}

#[cfg(feature = "tls")]
struct TlsRedis {
    _process: Process,
    home: PathBuf,
    url: String,
}

#[cfg(feature = "tls")]
impl TlsRedis {
    fn start() -> Self {
        let port = free_port().expect("a port");
        let home = std::env::temp_dir().join(format!("twinkle-redis-tls-{port}"));
        std::fs::create_dir_all(&home).expect("a folder");
        for (cert, key) in [("cert.pem", "key.pem"), ("other.pem", "other-key.pem")] {
            let mut openssl = Command::new("openssl");
            openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
            openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
            openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
            openssl.args(["-out", cert, "-keyout", key]).current_dir(&home);
            assert!(openssl.output().expect("openssl runs").status.success());
        }
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", "0", "--tls-port", &port.to_string()]);
        command.args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"]);
        command.args(["--tls-ca-cert-file", "cert.pem", "--tls-auth-clients", "no"]);
        command.args(["--save", ""]).current_dir(&home);
        let mut process =
            Process::spawn("redis", command, &home.join("redis.log")).expect("Redis starts");
        process
            .wait_until(Duration::from_secs(20), |process| process.log_text().contains("Ready"))
            .expect("Redis is ready");
        Self { _process: process, url: format!("rediss://localhost:{port}"), home }
    }
}

#[cfg(feature = "tls")]
impl Drop for TlsRedis {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}
