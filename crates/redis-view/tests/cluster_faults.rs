//! A cluster whose slots move and whose nodes fail.

mod support;

use std::time::{Duration, Instant};

use domain::EventId;
use ports::{LiveEvent, LiveReader, ViewReader, ViewWriter, WriteOutcome};
use support::{cluster::Cluster, entries, generation, step, ticket, until, view, within};

/// The call timeout of the view, and some room for a busy machine.
const BOUND: Duration = Duration::from_millis(3_000 + 1_500);

fn head_key(event: &EventId) -> String {
    format!("twinkle:{{{event}}}:head")
}

/// The node that serves an event: the only one that doesn't name another.
fn node_of(cluster: &Cluster, event: &EventId) -> usize {
    let serves = |node: &usize| cluster.cli(*node, &["EXISTS", &head_key(event)]).is_ok();
    (0..3).find(serves).expect("a node serves it")
}

fn event_on(cluster: &Cluster, node: usize) -> EventId {
    let events = (0..100).map(|n| format!("event-{n}").parse().expect("an id"));
    events.into_iter().find(|event| node_of(cluster, event) == node).expect("an event there")
}

/// Moves the slot of an event to another node, as a resharding does.
fn move_slot(cluster: &Cluster, event: &EventId, to: usize) {
    let cli = |node: usize, args: &[&str]| cluster.cli(node, args).expect("the node obeys");
    let from = node_of(cluster, event);
    let slot = cli(from, &["CLUSTER", "KEYSLOT", &head_key(event)]);
    let (from_id, to_id) = (cli(from, &["CLUSTER", "MYID"]), cli(to, &["CLUSTER", "MYID"]));
    cli(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    cli(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    let keys = cli(from, &["CLUSTER", "GETKEYSINSLOT", &slot, "10000"]);
    let port = cluster.ports[to].to_string();
    let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
    migrate.extend(keys.lines());
    assert_eq!(cli(from, &migrate), "OK");
    for node in [to, from, 3 - from - to] {
        cli(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_whose_slot_moves_goes_on() {
    let cluster = Cluster::start().expect("a cluster");
    let view = view(&cluster.url());
    let event = event_on(&cluster, 0);
    let built = step(generation(1, 0), 0, 10, entries(0..100, "a"));
    assert_eq!(view.rebuild(&event, built).await, Ok(WriteOutcome::Done));
    let mut live = view.listen(&event).await.expect("listens");
    for (to, from) in [(1, 10), (2, 11), (0, 12)] {
        move_slot(&cluster, &event, to);
        assert_eq!(within("live event", live.next()).await, LiveEvent::Lost);
        let more = step(generation(1, 0), from, from + 1, entries(0..3_000, "b"));
        assert_eq!(view.write(&event, more).await, Ok(WriteOutcome::Done));
        let message = format!("live {}", from + 1);
        assert_eq!(within("live event", live.next()).await, LiveEvent::Message(message.into()));
        let found = view.tickets(&event, &[ticket(1)]).await.expect("an answer").expect("a head");
        assert_eq!((found.head.next, &found.values[..]), (from + 1, &[Some("b".into())][..]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stands_still_stops_its_own_events_only() {
    let mut cluster = Cluster::start().expect("a cluster");
    let view = view(&cluster.urls());
    let (sick, sound) = (event_on(&cluster, 1), event_on(&cluster, 2));
    let mut live = Vec::new();
    for event in [&sick, &sound] {
        let built = step(generation(1, 0), 0, 10, entries(0..100, "a"));
        assert_eq!(view.rebuild(event, built).await, Ok(WriteOutcome::Done));
        live.push(view.listen(event).await.expect("listens"));
    }
    let [mut at_sick, mut at_sound] = <[Box<dyn LiveReader>; 2]>::try_from(live).ok().expect("two");

    cluster.nodes[1].pause().expect("stopped");
    for from in 10..13 {
        let start = Instant::now();
        let more = step(generation(1, 0), from, from + 1, entries(0..10, "b"));
        let (failed, ()) = tokio::join!(view.shared(&sick), async {
            until("written on the sound node", async || {
                view.write(&sound, more.clone()).await == Ok(WriteOutcome::Done)
            })
            .await;
        });
        assert!(failed.is_err(), "{failed:?}");
        assert!(start.elapsed() < BOUND, "took {:?}", start.elapsed());
        let message = format!("live {}", from + 1);
        assert_eq!(within("message", at_sound.next()).await, LiveEvent::Message(message.into()));
    }
    cluster.nodes[1].resume().expect("goes on");
    assert_eq!(within("live event", at_sick.next()).await, LiveEvent::Lost);
    until("the sick node is well", async || view.shared(&sick).await.is_ok()).await;
}
