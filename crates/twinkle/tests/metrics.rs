//! `docs/metrics.md` and what a running service says are the same list.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use testbed::{Authority, Product};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Linux tells it only where it is limited.
const UNLIMITED: &str = "process_virtual_memory_max_bytes";

/// Name → type, as the document has them.
fn documented() -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(DOCUMENT).expect("docs/metrics.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.trim_end_matches('`').to_owned(), cells.next()?.to_owned()))
    });
    rows.filter(|(name, _)| name != UNLIMITED).collect()
}

/// Name → type, as a process says.
fn said(server: &Product) -> BTreeMap<String, String> {
    let (status, text) = server.admin("/metrics").expect("an answer");
    assert_eq!(status, 200);
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types = types.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
    types.filter(|(name, _)| name != UNLIMITED).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_a_running_service_name_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    Authority::new(folder.path(), "authority").expect("a certificate");
    let keys = folder.path().join("cookie-keys");
    std::fs::write(&keys, format!("k1:{}", "A".repeat(43))).expect("keys");
    let env = [
        ("TWINKLE_DATA".to_owned(), data),
        ("TWINKLE_LOG".to_owned(), "warn".to_owned()),
        ("TWINKLE_COOKIE_KEYS_FILE".to_owned(), keys.display().to_string()),
        ("TWINKLE_REDIS_CA".to_owned(), folder.path().join("authority.pem").display().to_string()),
    ];
    let bin = Path::new(env!("CARGO_BIN_EXE_twinkle"));
    let mut server = Product::start(bin, "all", 0, &env, folder.path()).expect("it starts");
    server.wait_ready().expect("it gets ready");

    let (client, port) = (reqwest::Client::new(), server.port);
    let begun = Instant::now();
    let url = format!("http://127.0.0.1:{port}/api/v1/events/popup/tickets");
    while client.post(&url).json(&json!({})).send().await.expect("an answer").status() != 202 {
        assert!(begun.elapsed() < PATIENCE, "no join");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let documented = documented();
    loop {
        let page = client.get(format!("http://127.0.0.1:{port}/e/popup")).send().await;
        let seen = page.expect("an answer").status() == 200;
        let said = said(&server);
        if seen && said == documented {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{:#?}", differences(&documented, &said));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(server.terminate().expect("it ends").success());
}

fn differences(
    documented: &BTreeMap<String, String>,
    said: &BTreeMap<String, String>,
) -> Vec<String> {
    let missing = documented.iter().filter(|(name, kind)| said.get(*name) != Some(kind));
    let missing = missing.map(|(name, kind)| format!("documented, not said: {name} ({kind})"));
    let unknown = said.keys().filter(|name| !documented.contains_key(*name));
    missing.chain(unknown.map(|name| format!("said, not documented: {name}"))).collect()
}
