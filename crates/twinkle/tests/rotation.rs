//! Keys and token change while the program runs.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use testbed::Product;

const OLD: &str = "old:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const NEW: &str = "new:HxwdHh8AAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRo";
const OLD_TOKEN: &str = "0123456789abcdef-old";
const NEW_TOKEN: &str = "0123456789abcdef-new";
/// How long a change may take to be seen.
const SEEN: Duration = Duration::from_secs(30);

struct World {
    folder: PathBuf,
    product: Product,
    http: reqwest::Client,
}

/// Kubernetes swaps a link, too: a reader never finds half of a file.
fn put(folder: &Path, name: &str, text: &str) {
    let partial = folder.join(format!("{name}.partial"));
    fs::write(&partial, format!("{text}\n")).expect("a file");
    fs::rename(partial, folder.join(name)).expect("a file");
}

impl World {
    fn start() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("rotation");
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("a folder");
        let files = [("cookie", OLD), ("pass", OLD), ("token", OLD_TOKEN)];
        files.iter().for_each(|(name, text)| put(&folder, name, text));
        let path = |name: &str| folder.join(name).to_str().expect("a path").to_owned();
        let env = [
            ("TWINKLE_DATA", path("data")),
            ("TWINKLE_COOKIE_KEYS_FILE", path("cookie")),
            ("TWINKLE_PASS_KEYS_FILE", path("pass")),
            ("TWINKLE_OPERATOR_TOKEN_FILE", path("token")),
            ("TWINKLE_PUBLIC_URL", "http://127.0.0.1:8080".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let bin = Path::new(env!("CARGO_BIN_EXE_twinkle"));
        let mut product = Product::start(bin, "all", 0, &env, &folder).expect("it starts");
        product.wait_ready().expect("ready");
        Self { folder, product, http: reqwest::Client::new() }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        with: (header::HeaderName, &str),
    ) -> reqwest::Response {
        let url = format!("http://127.0.0.1:{}{path}", self.product.port);
        let request = self.http.request(method, url).header(with.0, with.1);
        request.send().await.expect("an answer")
    }

    /// Joins as somebody new; the cookie, or `None` while the sample event is not there.
    async fn join(&self) -> Option<String> {
        let with = (header::ACCEPT, "*/*");
        let answer = self.call(Method::POST, "/api/v1/events/popup/tickets", with).await;
        let cookie = answer.headers().get(header::SET_COOKIE)?.to_str().ok()?.to_owned();
        cookie.split(';').next().map(str::to_owned)
    }

    async fn ticket(&self, cookie: &str) -> reqwest::Response {
        self.call(Method::GET, "/api/v1/events/popup/ticket", (header::COOKIE, cookie)).await
    }

    async fn key_ids(&self) -> Vec<String> {
        let with = (header::ACCEPT, "*/*");
        let answer = self.call(Method::GET, "/.well-known/jwks.json", with).await;
        let set: Value = answer.json().await.expect("JSON");
        let keys = set["keys"].as_array().expect("keys").clone();
        keys.iter().map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
    }

    async fn operator(&self, token: &str) -> StatusCode {
        let bearer = format!("Bearer {token}");
        let with = (header::AUTHORIZATION, bearer.as_str());
        self.call(Method::GET, "/operator/v1/events", with).await.status()
    }

    fn stale(&self, setting: &str) -> Option<f64> {
        self.product.metric("twinkle_secret_stale", &format!("setting=\"{setting}\""))
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < SEEN, "never: {what}");
        sleep(Duration::from_millis(50));
    }
}

fn key_of(cookie: &str) -> &str {
    cookie.split('.').nth(1).expect("a key id")
}

#[tokio::test]
async fn keys_and_token_are_replaced_without_a_restart() {
    let world = World::start();
    until("the sample event", async || world.join().await.is_some()).await;
    let old = world.join().await.expect("a cookie");
    assert_eq!(key_of(&old), "old");
    until("a place in line", async || world.ticket(&old).await.status() == StatusCode::OK).await;
    assert_eq!(world.key_ids().await, ["old"]);

    // What can't be read changes nothing and is told, without the secret.
    put(&world.folder, "cookie", "broken:c2VjcmV0LXRoYXQtaXMtdG9vLXNob3J0");
    until("stale", async || world.stale("TWINKLE_COOKIE_KEYS_FILE") == Some(1.0)).await;
    assert_eq!(key_of(&world.join().await.expect("a cookie")), "old");

    let both = format!("{NEW},{OLD}");
    ["cookie", "pass"].iter().for_each(|name| put(&world.folder, name, &both));
    put(&world.folder, "token", NEW_TOKEN);
    until("cookies of the new key", async || {
        key_of(&world.join().await.expect("a cookie")) == "new"
    })
    .await;
    until("the new key set", async || world.key_ids().await == ["new", "old"]).await;
    until("the new token", async || world.operator(NEW_TOKEN).await == StatusCode::OK).await;
    assert_eq!(world.operator(OLD_TOKEN).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.ticket(&old).await.status(), StatusCode::OK, "the old cookie still counts");
    assert_eq!(world.stale("TWINKLE_COOKIE_KEYS_FILE"), Some(0.0));

    ["cookie", "pass"].iter().for_each(|name| put(&world.folder, name, NEW));
    until("the end of the old key", async || {
        world.ticket(&old).await.status() == StatusCode::UNAUTHORIZED
    })
    .await;
    let problem: Value = world.ticket(&old).await.json().await.expect("a problem");
    assert_eq!(problem["code"], "cookie_invalid", "{problem}");
    until("the shorter key set", async || world.key_ids().await == ["new"]).await;

    let log = fs::read_to_string(world.folder.join("all-0.log")).expect("a log");
    assert!(log.contains("TWINKLE_COOKIE_KEYS_FILE"), "{log}");
    let secrets = ["AAECAwQFBgcICQ", "HxwdHh8AAQIDBA", "c2VjcmV0", OLD_TOKEN, NEW_TOKEN];
    assert!(secrets.iter().all(|secret| !log.contains(secret)), "{log}");
}
