//! Headers: what proxies and others say of a request's way decides nothing. The scheme, the cookie's
//! name and which pages are ours come from the configured public address alone.

use std::{cell::OnceCell, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Request, header},
};
use directory::Directory;
use http_body_util::BodyExt;
use http_kit::{Cookies, Origins, PublicUrl, with_fallbacks};
use ports::{
    Clock, Facts,
    memory::{MemoryFacts, MemoryLog},
};
use producer_api::{Parts, router};
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt};
use wire::{
    CookieKeys, PassKeys,
    facts::{DefinitionFact, definition_key},
    format_key,
};

const PUBLIC: &str = "https://tickets.example";
const SHOP: &str = "https://shop.example:8443";

/// What proxies say of a request's way, and what could be taken for it.
const WAY: [&str; 11] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-real-ip",
    "x-original-host",
    "x-http-method-override",
    "host",
    "referer",
];

const CALLS: [(&str, &str, Ask); 4] = [
    ("POST", "/api/v1/events/draft/tickets", Ask::IfSaid),
    ("PUT", "/api/v1/events/draft/hold", Ask::IfSaid),
    ("POST", "/e/draft/join", Ask::Always),
    ("POST", "/e/unknown/hold", Ask::Always),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    IfSaid,
    Always,
}

/// `u` a public address, else headers, `name: value` a line.
pub(crate) fn run(data: &[u8]) {
    if let Some(address) = data.strip_prefix(b"u") {
        return public_address(&String::from_utf8_lossy(address));
    }
    let headers = read_headers(data);
    let (mut bare, mut hostile) = (headers.clone(), headers.clone());
    for name in WAY.map(HeaderName::from_static) {
        bare.remove(&name);
        hostile.insert(name, HeaderValue::from_static("https://evil.example, 10.0.0.1"));
    }
    let mut ours = headers.clone();
    for name in WAY.map(HeaderName::from_static) {
        ours.insert(name, HeaderValue::from_static("tickets.example"));
    }
    for (method, path, ask) in CALLS {
        let answer = send(method, path, &headers);
        assert_eq!(answer.status == 403, !allowed(&headers, ask), "{path}: {headers:?}");
        assert!(answer.status < 500, "{path}: {answer:?}");
        assert_eq!(send(method, path, &bare), answer, "without what proxies say: {headers:?}");
        assert_eq!(send(method, path, &hostile), answer, "with what others say: {headers:?}");
        assert_eq!(send(method, path, &ours), answer, "with our own name in it: {headers:?}");
    }
}

/// The rule, told once more: the one `Origin` is ours or the shop's; without any, the browser must
/// not say that another site asks.
fn allowed(headers: &HeaderMap, ask: Ask) -> bool {
    let origins: Vec<&[u8]> = headers.get_all("origin").iter().map(|o| o.as_bytes()).collect();
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    match (origins.as_slice(), site) {
        ([origin], _) => [PUBLIC.as_bytes(), SHOP.as_bytes()].contains(origin),
        ([], Some(b"same-origin")) => true,
        ([], Some(b"none") | None) => ask == Ask::IfSaid,
        _ => false,
    }
}

fn read_headers(data: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) =
            (HeaderName::from_bytes(&line[..colon]), line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// All that is not chance in an answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    location: Option<HeaderValue>,
    /// The cookie's name and flags.
    cookie: Option<(String, String)>,
    body: Vec<u8>,
}

fn send(method: &str, path: &str, headers: &HeaderMap) -> Answer {
    let mut request = Request::builder().method(method).uri(path).body(Body::empty()).expect("one");
    *request.headers_mut() = headers.clone();
    WORLD.with(|world| {
        let (runtime, router) = world.get_or_init(world_of_one_event);
        let answer = runtime.block_on(router.clone().oneshot(request)).expect("infallible");
        let (parts, body) = answer.into_parts();
        let body = runtime.block_on(body.collect()).expect("a body").to_bytes().to_vec();
        let cookie = parts.headers.get(header::SET_COOKIE).and_then(|line| line.to_str().ok());
        let cookie = cookie.and_then(|line| line.split_once('=')).map(|(name, rest)| {
            let flags = rest.split_once(';').map_or("", |(_, flags)| flags);
            assert!(name == "__Host-twinkle" && flags.ends_with("; Secure"), "{name}: {flags}");
            (name.to_owned(), flags.to_owned())
        });
        let location = parts.headers.get(header::LOCATION).cloned();
        Answer { status: parts.status.as_u16(), location, cookie, body }
    })
}

thread_local!(static WORLD: OnceCell<(Runtime, Router)> = const { OnceCell::new() });

struct Standing;

impl Clock for Standing {
    fn now(&self) -> u64 {
        1_796_436_000_000
    }
}

/// The role over an empty log and one event that is not open: nothing is ever appended to it.
fn world_of_one_event() -> (Runtime, Router) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("one");
    let routes = runtime.block_on(async {
        let facts = MemoryFacts::default();
        let definition = wire::definition::parse_json(br#"{"title":{"en":"A"}}"#).expect("one");
        let fact = DefinitionFact { salt: [7; 16], definition: (&definition).into() };
        let id = "draft".parse().expect("an id");
        facts.put(&definition_key(&id), fact.encode().into()).await.expect("put");
        let directory = Directory::follow(Arc::new(facts));
        directory.ready().await;
        router(parts(directory))
    });
    let (routes, express) = routes;
    (runtime, Router::new().fallback_service(express.layer(with_fallbacks(routes))))
}

fn parts(directory: Directory) -> Parts {
    let public: PublicUrl = PUBLIC.parse().expect("an address");
    let ring = format_key("a", &[7; 32]);
    let keys = CookieKeys::parse(&ring).expect("a ring");
    Parts {
        log: Arc::new(MemoryLog::new(Standing)),
        directory,
        cookies: Cookies::new(keys, &public, Arc::new(Standing)),
        origins: Origins::new(&public, &[SHOP.parse().expect("an address")]),
        passes: PassKeys::parse(&ring).expect("a ring"),
        issuer: PUBLIC.to_owned(),
        outcomes: None,
        commands_max: 1_000,
    }
}

/// An address is an origin: it can be read again, and its own pages may call.
fn public_address(text: &str) {
    let Ok(url) = text.parse::<PublicUrl>() else { return };
    let origin = url.to_string();
    assert_eq!(origin.parse::<PublicUrl>().as_ref(), Ok(&url), "{origin}");
    assert_eq!(origin.starts_with("https://"), url.https());
    let mut headers = HeaderMap::new();
    headers.insert(header::ORIGIN, origin.parse().expect("an origin is a header's value"));
    let own = Origins::new(&url, &[]);
    assert!(own.check(&headers, http_kit::Ask::Always).is_ok(), "{origin} is not its own");
    headers.insert(header::ORIGIN, HeaderValue::from_static("null"));
    assert!(own.check(&headers, http_kit::Ask::IfSaid).is_err());
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = WAY
        .iter()
        .zip(["for=10.0.0.1;proto=http", "10.0.0.1", "evil.example", "http", "80", "/x", "::1"])
        .map(|(name, value)| format!("origin: {PUBLIC}\n{name}: {value}").into_bytes())
        .collect();
    let headers = [
        "",
        "origin: null",
        "origin: https://shop.example:8443\nhost: a",
        "origin: https://tickets.example.evil.example",
        "origin: https://tickets.example\norigin: https://evil.example",
        "sec-fetch-site: same-origin",
        "sec-fetch-site: none",
        "sec-fetch-site: cross-site\nx-forwarded-proto: https",
        "idempotency-key: 2c9b1a90-6c7f-4a5e-9b6e-0d7c2f6f1a11\ntwinkle-seq: 7",
        "cookie: __Host-twinkle=1.a.1.b.c\ncontent-length: 99999\ncontent-type: text/plain",
        "x-forwarded-for: \"\nforwarded: for=\"[::1]\";by=_x, for=unknown\nvia: 1.1 a",
        "uhttps://Tickets.example:443/",
        "uhttp://127.0.0.1:8080",
        "uhttp://[::1]:8080",
        "uhttps://u@a",
    ];
    seeds.extend(headers.map(|text| text.as_bytes().to_vec()));
    seeds
}
