//! `kill -9` of a real process that appends: what it was told to be durable is there.

use std::{
    env,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use bytes::Bytes;
use domain::EventId;
use ports::{EventLog, Record, SystemClock};
use twinkle_embedded::Embedded;

/// Tells the child where its folder is.
const FOLDER: &str = "TWINKLE_TEST_FOLDER";

/// The test that the child runs.
const CHILD: &str = "a_child_appends_until_it_is_killed";

/// Times that a child is killed, and promises that it gives before.
const KILLS: usize = 6;
const PROMISES: usize = 150;

/// Appends under way at once in the child.
const TASKS: usize = 8;

fn event() -> EventId {
    "popup".parse().expect("an event id")
}

fn open(folder: &Path) -> Embedded {
    Embedded::open(folder, Arc::new(SystemClock)).expect("the data folder opens")
}

/// Runs the child's test in a process of its own.
fn child(folder: &Path) -> Child {
    let mut command = Command::new(env::current_exe().expect("this test"));
    command.args([CHILD, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("a child")
}

/// The child: says each offset, time and name once the log says that it is durable. Does nothing
/// when it is run as a test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_appends_until_it_is_killed() {
    let Some(folder) = env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder));
    store.log.create(&event()).await.expect("create");
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let log = store.log.clone();
        tasks.spawn(async move {
            for n in 0_u64.. {
                let name = format!("{}-{task}-{n}", std::process::id());
                let appended = log.append(&event(), Bytes::from(name.clone())).await;
                let appended = appended.expect("append");
                let mut out = std::io::stdout().lock();
                writeln!(out, "promise {} {} {name}", appended.offset, appended.at).expect("say");
            }
        });
    }
    tasks.join_all().await;
}

/// A promise out of a line that the child said.
fn promise(line: &str) -> Option<Record> {
    let mut words = line.split("promise ").nth(1)?.split(' ');
    let (offset, at) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Record { offset, at, bytes: Bytes::from(words.next()?.to_owned()) })
}

/// What a child promised until it was killed.
fn promises_of_a_killed_child(folder: &Path) -> Vec<Record> {
    let mut child = child(folder);
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut promises = Vec::new();
    while promises.len() < PROMISES {
        let line = lines.next().expect("a child that lives").expect("a line");
        promises.extend(promise(&line));
    }
    child.kill().expect("kill -9");
    // What it said before it died counts too; the last line may be cut off.
    let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
    rest.pop();
    promises.extend(rest.iter().filter_map(|line| promise(line)));
    child.wait().expect("its end");
    promises
}

#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut promises = Vec::new();
    for _ in 0..KILLS {
        promises.extend(promises_of_a_killed_child(folder.path()));
        let store = open(folder.path());
        let end = store.log.end(&event()).await.expect("end");
        let mut reader = store.log.read(&event(), 0).await.expect("read");
        let mut found: Vec<Record> = Vec::new();
        while (found.len() as u64) < end {
            found.extend(reader.next().await.expect("next"));
        }
        for record in &promises {
            let held = found.get(usize::try_from(record.offset).expect("a small log"));
            assert_eq!(held, Some(record));
        }
    }
    assert!(promises.len() >= KILLS * PROMISES);
}

#[tokio::test]
async fn a_folder_in_use_by_another_process_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = child(folder.path());
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    while lines
        .by_ref()
        .next()
        .expect("a child that lives")
        .is_ok_and(|line| promise(&line).is_none())
    {}
    let refused = Embedded::open(folder.path(), Arc::new(SystemClock));
    child.kill().expect("kill -9");
    child.wait().expect("its end");
    let error = refused.expect_err("the folder is in use");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    open(folder.path());
}
