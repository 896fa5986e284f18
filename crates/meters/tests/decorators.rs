//! What is counted when the log and the view work, and when they do not.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;
use ports::{
    EventLog, SystemClock, ViewReader, ViewWriter,
    memory::{Call, Fault, Faults, MemoryLog, MemoryView},
};
use twinkle_meters::{METERS, MeteredLog, MeteredReader, MeteredWriter, describe};

/// What is rendered after a story.
fn rendered(story: impl AsyncFnOnce()) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    metrics::with_local_recorder(&recorder, || runtime.block_on(story()));
    handle.render()
}

fn has(text: &str, sample: &str) -> bool {
    text.lines().any(|line| line == sample)
}

#[test]
fn appends_are_timed_and_their_errors_named() {
    let text = rendered(async || {
        let log = MemoryLog::with_faults(SystemClock, Faults::once(Call::Append, Fault::Refused));
        let log = MeteredLog::new(Arc::new(log));
        let event = "event".parse().expect("an id");
        log.create(&event).await.expect("created");
        log.append(&event, "first".into()).await.expect_err("refused");
        log.append(&event, "second".into()).await.expect("appended");
        log.append(&"other".parse().expect("an id"), "x".into()).await.expect_err("no log");
    });
    assert!(has(&text, "twinkle_log_append_seconds_count 3"), "{text}");
    assert!(has(&text, "twinkle_log_append_errors_total{reason=\"unavailable\"} 1"), "{text}");
    assert!(has(&text, "twinkle_log_append_errors_total{reason=\"unknown_event\"} 1"), "{text}");
}

#[test]
fn calls_to_the_view_are_timed_and_their_errors_counted() {
    let text = rendered(async || {
        let view = MemoryView::with_faults(Faults::once(Call::Shared, Fault::Refused));
        let reader = MeteredReader::new(Arc::new(view.clone()));
        let writer = MeteredWriter::new(Arc::new(view));
        let event = "event".parse().expect("an id");
        reader.shared(&event).await.expect_err("refused");
        assert_eq!(reader.shared(&event).await.expect("read"), None);
        assert_eq!(writer.head(&event).await.expect("read"), None);
    });
    assert!(has(&text, "twinkle_view_call_seconds_count{call=\"shared\"} 2"), "{text}");
    assert!(has(&text, "twinkle_view_call_errors_total{call=\"shared\"} 1"), "{text}");
    assert!(has(&text, "twinkle_view_call_seconds_count{call=\"head\"} 1"), "{text}");
    assert!(has(&text, "twinkle_view_call_errors_total{call=\"write\"} 0"), "{text}");
}

#[test]
fn what_has_no_labels_is_there_from_the_start() {
    let text = rendered(async || describe(METERS));
    assert!(has(&text, "# TYPE twinkle_log_append_seconds summary"), "{text}");
    assert!(text.contains("twinkle_log_append_seconds_count 0"), "{text}");
}
