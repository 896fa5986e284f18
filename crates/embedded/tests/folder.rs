//! The data folder: who may open it, what is left in it, what time it shows.

use std::{fs, path::Path, sync::Arc};

use bytes::Bytes;
use domain::EventId;
use ports::{Clock, EventLog, ManualClock, SystemClock};
use twinkle_embedded::{Embedded, OpenError};

fn open(folder: &Path) -> Result<Embedded, OpenError> {
    open_at(folder, &ManualClock::at(1_000))
}

fn open_at(folder: &Path, clock: &ManualClock) -> Result<Embedded, OpenError> {
    Embedded::open(folder, Arc::new(clock.clone()))
}

fn event() -> EventId {
    "popup".parse().expect("an event id")
}

fn file_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder");
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    entries.map(|entry| name(entry.expect("an entry"))).collect()
}

#[tokio::test]
async fn a_folder_is_made_with_one_file_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("some/data");
    drop(open(&inner).expect("open"));
    assert_eq!(file_names(&inner), ["twinkle.redb"]);
    drop(open(&inner).expect("open again"));
}

#[tokio::test]
async fn a_folder_in_use_is_refused_until_it_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path()).expect("open");
    for _ in 0..2 {
        let error = open(folder.path()).expect_err("the folder is in use");
        assert!(matches!(error, OpenError::InUse(_)), "{error}");
        assert!(error.to_string().contains("in use by another process"), "{error}");
    }
    first.log.create(&event()).await.expect("the first one is not disturbed");
    let Embedded { log, facts } = first;
    drop(log);
    assert!(matches!(open(folder.path()), Err(OpenError::InUse(_))), "the facts keep it open");
    drop(facts);
    open(folder.path()).expect("open once it is closed");
}

#[tokio::test]
async fn a_reader_left_behind_does_not_keep_the_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path()).expect("open");
    store.log.create(&event()).await.expect("create");
    store.log.append(&event(), Bytes::from_static(b"a")).await.expect("append");
    let mut reader = store.log.read(&event(), 0).await.expect("read");
    drop(store);
    let store = open(folder.path()).expect("open again");
    reader.next().await.expect_err("its file is closed");
    assert_eq!(store.log.end(&event()).await, Ok(1));
}

#[tokio::test]
async fn a_file_half_made_is_made_anew() {
    for left in [&b""[..], b"half", &[0; 5_000]] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("twinkle.redb"), b"").expect("write");
        fs::write(folder.path().join("twinkle.redb.new"), left).expect("write");
        drop(open(folder.path()).expect("open"));
        assert_eq!(file_names(folder.path()), ["twinkle.redb"]);
    }
}

#[tokio::test]
async fn a_foreign_file_is_told_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("twinkle.redb");
    fs::write(&path, vec![b'x'; 10_000]).expect("write");
    let error = open(folder.path()).expect_err("not a log");
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    assert_eq!(fs::read(&path).expect("read"), vec![b'x'; 10_000]);
}

#[tokio::test]
async fn a_folder_that_is_a_file_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("file");
    fs::write(&path, b"").expect("write");
    let error = open(&path).expect_err("not a folder");
    assert!(matches!(error, OpenError::Io(..)), "{error}");
}

#[tokio::test]
async fn offsets_are_dense_and_times_never_go_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::at(1_000);
    let mut found = Vec::new();
    for times in [[1_000, 1_500, 400], [700, 1_499, 2_000]] {
        let store = open_at(folder.path(), &clock).expect("open");
        store.log.create(&event()).await.expect("create");
        for now in times {
            clock.set(now);
            let appended = store.log.append(&event(), Bytes::from_static(b"a")).await;
            let appended = appended.expect("append");
            found.push((appended.offset, appended.at));
        }
    }
    let at = [1_000, 1_500, 1_500, 1_500, 1_500, 2_000];
    assert_eq!(found, (0..).zip(at).collect::<Vec<_>>());
}

#[tokio::test]
async fn times_of_events_are_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::at(9_000);
    let store = open_at(folder.path(), &clock).expect("open");
    let other = "other".parse().expect("an event id");
    for (event, now, at) in [(event(), 9_000, 9_000), (other, 5_000, 5_000), (event(), 1, 9_000)] {
        clock.set(now);
        store.log.create(&event).await.expect("create");
        let appended = store.log.append(&event, Bytes::new()).await.expect("append");
        assert_eq!(appended.at, at);
    }
}

#[tokio::test]
async fn a_record_shows_the_time_of_its_append() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::open(folder.path(), Arc::new(SystemClock)).expect("open");
    store.log.create(&event()).await.expect("create");
    let before = SystemClock.now();
    let appended = store.log.append(&event(), Bytes::new()).await.expect("append");
    assert!((before..=SystemClock.now()).contains(&appended.at), "{appended:?}");
}
