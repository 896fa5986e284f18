//! The contract of the view on a cluster, and what only a cluster has.

mod support;

use ports::{LiveEvent, ViewReader, ViewWriter, WriteOutcome};
use support::{cluster::Cluster, entries, generation, step, ticket, until, view, within};

ports::view_contract!({
    let cluster = Cluster::shared();
    async move || {
        let view = view(&cluster.url());
        (view.clone(), view)
    }
});

#[tokio::test(flavor = "multi_thread")]
async fn events_are_spread_and_each_is_whole() {
    let cluster = Cluster::shared();
    let view = view(&cluster.urls());
    for number in 0..12 {
        let event = format!("spread-{number}").parse().expect("an id");
        let mut live = view.listen(&event).await.expect("listens");
        let built = step(generation(1, 0), 0, 5, entries(0..3_000, "123456"));
        assert_eq!(view.rebuild(&event, built).await, Ok(WriteOutcome::Done));
        assert_eq!(within("message", live.next()).await, LiveEvent::Message("live 5".into()));
        let found = view.tickets(&event, &[ticket(0), ticket(2_999)]).await;
        let found = found.expect("an answer").expect("a head");
        assert_eq!(found.values, [Some("123456".into()), Some("123456".into())]);
    }
    for node in 0..3 {
        let keys = cluster.cli(node, &["KEYS", "twinkle:{spread-*}:head"]).expect("keys");
        assert!(!keys.is_empty(), "node {node} has no event");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_generation_goes_and_lost_scripts_come_back() {
    let cluster = Cluster::shared();
    let view = view(&cluster.url());
    let event = "dead-generation".parse().expect("an id");
    for counter in 0..3 {
        for node in 0..3 {
            cluster.cli(node, &["SCRIPT", "FLUSH"]).expect("flushed");
        }
        let built = step(generation(1, counter), 0, 5, entries(0..100, "1"));
        assert_eq!(view.rebuild(&event, built).await, Ok(WriteOutcome::Done));
    }
    until("only the last generation is left", async || {
        let keys: Vec<String> = (0..3)
            .map(|node| cluster.cli(node, &["KEYS", "twinkle:{dead-generation}:*"]).expect("keys"))
            .collect();
        let keys = keys.join("\n");
        keys.contains(":1.2:t:") && !keys.contains(":1.1:") && !keys.contains(":1.0:")
    })
    .await;
}
