//! Waiting for outcomes over a view in memory.

use std::{sync::Arc, time::Duration};

use domain::{Address, Epoch, EventId, EventState, Outcome, Told};
use ports::{
    Generation, Head, ViewWriter, Write,
    memory::{Call, Fault, Faults, MemoryView},
};
use tokio::time::{Instant, timeout};
use twinkle_http::Outcomes;
use wire::view::{LiveMessage, Progress};

const WAIT: Duration = Duration::from_secs(10);

fn event() -> EventId {
    "popup".parse().unwrap()
}

fn told(address: Address) -> Told {
    let outcome = Outcome::Waiting { position: u32::from(address.index) };
    Told { address: Some(address), ticket: None, seq: None, fresh: true, outcome }
}

/// Says that the log was folded up to `to`, and what became of these commands.
async fn say(view: &MemoryView, to: u64, of: &[Address]) {
    let progress = Progress {
        from: 0,
        to,
        at: 0,
        state: EventState::Open,
        serving: 3,
        total: 9,
        rate: 60,
        waiting: 0,
        admitted: 0,
        inside: 0,
        holding: 0,
        booked: 0,
        sold_out: false,
        slots: Vec::new(),
    };
    let told = of.iter().copied().map(told).collect();
    let live = LiveMessage { progress, definition: None, told, traces: Vec::new() }.encode().into();
    let epoch = Epoch(1);
    let counter = u32::try_from(to).unwrap();
    let head = Head { epoch, generation: Generation { epoch, counter }, next: to };
    let write = Write { head, from: 0, shared: "".into(), entries: Vec::new(), live };
    view.rebuild(&event(), write).await.unwrap();
}

#[tokio::test]
async fn each_waiter_hears_of_its_own_command_even_if_it_was_said_before_it_asked() {
    let view = MemoryView::default();
    let outcomes = Outcomes::new(Arc::new(view.clone()));
    let (first, second) = (outcomes.register(&event()).await, outcomes.register(&event()).await);
    let addresses = [Address::new(4, 0), Address::new(4, 1), Address::new(4, 700)];
    say(&view, 4, &[]).await;
    say(&view, 5, &addresses).await;
    for (waiting, address) in [(first, addresses[2]), (second, addresses[1])] {
        let known = timeout(WAIT, waiting.unwrap().outcome(address, WAIT)).await.unwrap().unwrap();
        assert_eq!(known.told, told(address));
        assert_eq!(known.standing.serving, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_says_is_not_known() {
    let view = MemoryView::default();
    let outcomes = Outcomes::new(Arc::new(view.clone()));
    let begun = Instant::now();
    let silent = outcomes.register(&event()).await.unwrap();
    assert_eq!(silent.outcome(Address::new(4, 0), WAIT).await, None);
    assert_eq!(begun.elapsed(), WAIT);
    let passed = outcomes.register(&event()).await.unwrap();
    say(&view, 5, &[Address::new(4, 1)]).await;
    assert_eq!(passed.outcome(Address::new(4, 0), WAIT).await, None);
    assert_eq!(begun.elapsed(), WAIT, "the log was folded past it: no use in waiting on");
}

#[tokio::test]
async fn only_so_many_wait_and_a_place_is_free_again_when_one_stops() {
    let outcomes = Outcomes::bounded(Arc::new(MemoryView::default()), 2);
    let one = outcomes.register(&event()).await.unwrap();
    let _two = outcomes.register(&event()).await.unwrap();
    assert!(outcomes.register(&event()).await.is_none());
    drop(one);
    assert!(outcomes.register(&event()).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_live_channel_that_is_away_holds_nobody_up_for_long_and_is_found_again() {
    let mut left = 5;
    let faults = Faults::plan(move |call, _| {
        let broken = call == Call::Listen && left > 0;
        left -= u32::from(broken);
        broken.then_some(Fault::Refused)
    });
    let view = MemoryView::with_faults(faults);
    let outcomes = Outcomes::new(Arc::new(view.clone()));
    let begun = Instant::now();
    let (event_a, event_b) = (event(), event());
    let (a, b) = tokio::join!(outcomes.register(&event_a), outcomes.register(&event_b));
    assert!(a.is_none() && b.is_none());
    assert!(begun.elapsed() <= Duration::from_millis(600), "both at the same time");
    let again = timeout(WAIT, async {
        loop {
            if let Some(waiting) = outcomes.register(&event()).await {
                return waiting;
            }
        }
    });
    let waiting = again.await.expect("the channel is back");
    say(&view, 1, &[Address::default()]).await;
    assert!(waiting.outcome(Address::default(), WAIT).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_event_nobody_asks_about_is_left_and_can_be_asked_about_again() {
    let view = MemoryView::default();
    let outcomes = Outcomes::new(Arc::new(view.clone()));
    drop(outcomes.register(&event()).await.unwrap());
    tokio::time::sleep(Duration::from_secs(300)).await;
    let waiting = outcomes.register(&event()).await.unwrap();
    say(&view, 1, &[Address::default()]).await;
    assert!(waiting.outcome(Address::default(), WAIT).await.is_some());
}
