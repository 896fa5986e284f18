//! An event is sold, audited, archived, deleted and restored, by the program itself.

mod shop;

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::Path,
    process::Command,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use reqwest::Method;
use shop::{Shop, verdict};
use testbed::{Kafka, Redis};

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("a path").to_owned()
}

type Change = fn(&mut Vec<String>);

/// A copy of an archive with the lines changed.
fn changed(from: &str, to: &str, change: impl FnOnce(&mut Vec<String>)) {
    let mut text = String::new();
    let mut file = GzDecoder::new(File::open(from).expect("the archive"));
    file.read_to_string(&mut text).expect("text");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    let mut out = GzEncoder::new(File::create(to).expect("a file"), Compression::fast());
    out.write_all((lines.join("\n") + "\n").as_bytes()).expect("room");
    out.finish().expect("room");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_event_is_archived_and_comes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (data, file, heads) = (path(folder, "a"), path(folder, "a.gz"), path(folder, "heads"));
    let mut shop = Shop::new(folder, &[("TWINKLE_DATA", &data)]);
    shop.start();
    shop.open().await;
    let (buyer, other) = (shop.join().await, shop.join().await);
    let booking = shop.reserve(&buyer).await;
    shop.until(&other, "admitted").await;
    shop.head(Path::new(&heads)).await;
    shop.keys(&folder.join("jwks.json")).await;
    shop.stop();

    let report = shop.audit(&["popup", "--heads", &heads]);
    let records = report["records_to"].as_u64().expect("a number");
    assert_eq!(report["signed_to"], records, "the owner's last word covers everything: {report:#}");
    assert_eq!(verdict(&report, &format!("chain of line 1 of {heads}")), "checked");
    assert_eq!(verdict(&report, "signature of the head among the facts"), "checked");
    let life = shop.says(&["audit", "popup", "--ticket", &buyer.ticket]);
    assert!(life.contains(&format!("it booked 2 seats of slot 1100, number {booking}")), "{life}");

    assert!(shop.says(&["archive", "popup", &file]).contains("verified"));
    assert!(shop.refuses(&["archive", "popup", &file]).contains("never written over"));
    let in_file = shop.audit(&["--file", &file, "--ticket", &buyer.ticket]);
    assert_eq!((&in_file["chain"], &in_file["records_to"]), (&report["chain"], &records.into()));
    assert_eq!(verdict(&in_file, "the last line of the file"), "checked");
    assert!(in_file["ticket"]["now"].as_str().expect("words").contains(&booking));
    assert_eq!(in_file["signed_to"], records, "the keys of the environment count");
    anyone_can_check(folder, &file, &heads);
    tampered_files_are_found(&shop, folder, &file);
    still_running_is_never_deleted(&shop, folder);

    let data = path(folder, "b");
    let mut shop = Shop::new(folder, &[("TWINKLE_DATA", &data)]);
    assert!(shop.says(&["restore", &file]).contains("the chain is the same"));
    assert!(shop.refuses(&["restore", &file]).contains("never written over"));
    assert_eq!(shop.audit(&["popup", "--heads", &heads])["digest"], report["digest"]);
    shop.start();
    let seen = shop.until(&buyer, "booked").await;
    assert_eq!(seen["booking"]["booking"], booking.as_str(), "the same number");
    shop.until(&other, "admitted").await;
    let third = shop.join().await;
    assert_eq!(shop.until(&third, "admitted").await["position"], 3, "the line goes on");
    end_and_delete(shop, folder, &heads).await;
}

/// The scripts of docs/audit.md do what they say, without any program of ours.
fn anyone_can_check(folder: &Path, file: &str, heads: &str) {
    let docs = include_str!("../../../docs/audit.md");
    let script = |kind: &str, with: &str| {
        let fence = format!("```{kind}\n");
        let blocks = docs.split(&fence).skip(1);
        let mut blocks = blocks.filter_map(|rest| rest.split("```").next());
        blocks.find(|block| block.contains(with)).expect("a script").to_owned()
    };
    let run = |program: &str, script: &str, args: &[&str]| {
        let mut command = Command::new(program);
        let output = command.current_dir(folder).args(["-c", script]).args(args).output();
        let output = output.unwrap_or_else(|error| panic!("this test needs {program}: {error}"));
        (output.status.success(), format!("{output:?}"))
    };
    fs::copy(heads, folder.join("head.json")).expect("a copy");
    let (right, said) = run("sh", &script("sh", "openssl"), &[]);
    assert!(right && said.contains("Verified Successfully"), "{said}");
    let chain = script("python", "hashlib");
    let (right, said) = run("python3", &chain, &[file, "head.json"]);
    assert!(right && said.contains("the log is the one that was signed"), "{said}");
    let forged = path(folder, "forged.gz");
    changed(file, &forged, |lines| lines[2] = lines[2].replace("\\\"v\\\":1", "\\\"v\\\":1 "));
    let (right, said) = run("python3", &chain, &[&forged, "head.json"]);
    assert!(!right && said.contains("AssertionError"), "{said}");
}

fn tampered_files_are_found(shop: &Shop, folder: &Path, file: &str) {
    let forged = path(folder, "forged.gz");
    let changes: [(&str, Change); 4] = [
        ("removed", |lines| drop(lines.remove(5))),
        ("inserted", |lines| lines.insert(5, lines[4].clone())),
        ("altered", |lines| {
            let held = r#"\"1100\",2"#;
            let line = lines.iter_mut().find(|line| line.contains(held)).expect("a hold");
            *line = line.replace(held, r#"\"1100\",1"#);
        }),
        ("swapped", |lines| lines.swap(4, 5)),
    ];
    for (what, change) in changes {
        changed(file, &forged, change);
        let said = shop.refuses(&["audit", "--file", &forged]);
        assert!(said.contains("DIFFERS") && said.contains("NOT as it must be"), "{what}: {said}");
        let nowhere = path(folder, "nowhere");
        shop.refuses(&["restore", &forged, "--data", &nowhere]);
        assert!(!Path::new(&nowhere).exists(), "{what}: nothing was made of it");
    }
    changed(file, &forged, |lines| drop(lines.pop()));
    assert!(shop.refuses(&["audit", "--file", &forged]).contains("it was cut off"));
}

fn still_running_is_never_deleted(shop: &Shop, folder: &Path) {
    let said = shop.refuses(&["archive", "popup", &path(folder, "again.gz"), "--delete-log"]);
    assert!(said.contains("was not deleted: the event is not archived"), "{said}");
    shop.audit(&["popup"]);
    let unknown = path(folder, "unknown.gz");
    assert!(shop.refuses(&["archive", "nope", &unknown]).contains("there is no event nope"));
    assert!(!Path::new(&unknown).exists());
    let nowhere = path(folder, "nowhere");
    let said = shop.refuses(&["audit", "popup", "--data", &nowhere]);
    assert!(said.contains("no data folder") && !Path::new(&nowhere).exists(), "{said}");
}

/// The event ends for good; its log is deleted and comes back out of the file.
async fn end_and_delete(mut shop: Shop, folder: &Path, heads: &str) {
    for step in ["/close", "/archive"] {
        shop.operate(Method::POST, step, None).await;
    }
    shop.stop();
    let whole = shop.audit(&["popup", "--heads", heads]);
    assert_eq!((&whole["state"], &whole["signed_to"]), (&"archived".into(), &whole["records_to"]));
    let file = path(folder, "end.gz");
    assert!(shop.says(&["archive", "popup", &file, "--delete-log"]).contains("is deleted"));
    assert!(shop.refuses(&["audit", "popup"]).contains("there is no log for event popup"));
    let in_file = shop.audit(&["--file", &file, "--heads", heads]);
    assert_eq!(in_file["chain"], whole["chain"]);
    shop.says(&["restore", &file]);
    assert_eq!(shop.audit(&["popup", "--heads", heads])["chain"], whole["chain"]);
    assert!(fs::metadata(&file).is_ok(), "the file stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_moves_to_another_cluster() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (file, heads) = (path(folder, "popup.gz"), path(folder, "heads"));
    let (kafka, redis) = (Kafka::start().expect("a broker"), Redis::start().expect("a Redis"));
    let stores = [("TWINKLE_KAFKA", kafka.bootstrap()), ("TWINKLE_REDIS", redis.url())];
    let mut shop = Shop::new(folder, &stores);
    shop.start();
    shop.open().await;
    let (buyer, other) = (shop.join().await, shop.join().await);
    let booking = shop.reserve(&buyer).await;
    shop.until(&other, "admitted").await;
    shop.head(Path::new(&heads)).await;
    let live = shop.audit(&["popup", "--heads", &heads]);
    assert_eq!(live["compared_with_view"], 2, "while it runs: {live:#}");
    shop.stop();
    shop.says(&["archive", "popup", &file]);
    let before = shop.audit(&["--file", &file, "--heads", &heads]);
    drop((kafka, redis));

    let (kafka, redis) = (Kafka::start().expect("a broker"), Redis::start().expect("a Redis"));
    let stores = [("TWINKLE_KAFKA", kafka.bootstrap()), ("TWINKLE_REDIS", redis.url())];
    let mut shop = Shop::new(folder, &stores);
    assert!(shop.says(&["restore", &file]).contains("the chain is the same"));
    assert!(shop.refuses(&["restore", &file]).contains("never written over"));
    shop.start();
    let seen = shop.until(&buyer, "booked").await;
    assert_eq!(seen["booking"]["booking"], booking.as_str(), "the view is built, the number stays");
    let third = shop.join().await;
    assert_eq!(shop.until(&third, "admitted").await["position"], 3, "the line goes on");
    let after = shop.audit(&["popup", "--heads", &heads]);
    assert_eq!(verdict(&after, &format!("chain of line 1 of {heads}")), "checked");
    assert_eq!((&after["compared_with_view"], &after["booked"]), (&3.into(), &before["booked"]));
    assert!(after["records"].as_u64() > before["records"].as_u64());
    end_and_delete_topic(shop, folder, &kafka).await;
}

async fn end_and_delete_topic(mut shop: Shop, folder: &Path, kafka: &Kafka) {
    let topics = || kafka.tool("org.apache.kafka.tools.TopicCommand", &["--list"]).expect("topics");
    for step in ["/close", "/archive"] {
        shop.operate(Method::POST, step, None).await;
    }
    shop.stop();
    assert!(topics().contains("twinkle.event.popup"));
    let file = path(folder, "end.gz");
    assert!(shop.says(&["archive", "popup", &file, "--delete-log"]).contains("is deleted"));
    assert!(!topics().contains("twinkle.event.popup"));
    shop.says(&["restore", &file]);
    assert!(topics().contains("twinkle.event.popup"), "it comes back");
}
