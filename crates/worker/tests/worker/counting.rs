//! What the worker says of itself and of its events.

use domain::{
    Command, Operation,
    mutants::{Mutant, activate},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::world::{World, join};

/// Runs a worker whose metrics can be read; the sum of a metric's samples, if it is there.
fn counted<F: Future<Output = ()>>(story: impl FnOnce(World) -> F) -> impl Fn(&str) -> f64 {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle: PrometheusHandle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async { story(World::new().await).await });
    });
    let text = handle.render();
    move |sample| {
        let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {sample} in\n{text}")).parse().expect("a number")
    }
}

#[test]
fn the_owner_tells_of_people_and_seats() {
    let value = counted(async |world: World| {
        let worker = world.worker(1);
        world.append(&[join(1), join(2)]).await;
        world.until("both admitted", |p| p.admitted == 2).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        worker.kill();
    });
    assert_eq!(value("twinkle_worker_owner{event=\"event\"}"), 1.0);
    assert_eq!(value("twinkle_event_running{event=\"event\"}"), 1.0);
    assert_eq!(value("twinkle_event_people{event=\"event\",phase=\"admitted\"}"), 2.0);
    assert_eq!(value("twinkle_event_seats{event=\"event\",slot=\"a\",state=\"free\"}"), 50.0);
    assert_eq!(value("twinkle_invariant_violations_total{event=\"event\"}"), 0.0);
    assert!(value("twinkle_worker_tick_timestamp_seconds{event=\"event\"}") > 1e9);
}

#[test]
fn a_worker_that_ends_says_nothing_of_its_events() {
    let value = counted(async |world: World| {
        let worker = world.worker(1);
        world.append(&[join(1)]).await;
        world.until("a place", |p| p.total == 1).await;
        worker.stop().await;
    });
    assert_eq!(value("twinkle_worker_owner{event=\"event\"}"), 0.0);
    assert_eq!(value("twinkle_event_people{event=\"event\",phase=\"admitted\"}"), 0.0);
    assert_eq!(value("twinkle_event_seats{event=\"event\",slot=\"a\",state=\"free\"}"), 0.0);
}

#[test]
fn a_broken_rule_is_counted() {
    activate(Some(Mutant::PauseIgnored));
    let value = counted(async |world: World| {
        let worker = world.worker(1);
        world.append(&[Command::Operate(Operation::Pause)]).await;
        world.append(&[join(1)]).await;
        world.until("somebody let in", |p| p.admitted == 1).await;
        worker.kill();
    });
    activate(None);
    assert!(value("twinkle_invariant_violations_total{event=\"event\"}") > 0.0);
}
