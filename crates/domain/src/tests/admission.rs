use super::story::{Story, admitted, definition, refusal, ticket};
use crate::{Action, AdmissionRules, Command, Operation, Outcome, Phase, Refusal};

#[test]
fn people_are_let_in_in_order_and_at_the_rate() {
    let mut story = Story::open();
    (0..5).for_each(|n| drop(story.join(n)));
    assert_eq!(admitted(&story.wait(1_000)), [ticket(0)]);
    assert_eq!(admitted(&story.wait(1_000)), [ticket(1)]);
    assert_eq!(story.event.order().serving(), 2);
    assert_eq!(story.event.ahead(5), 2);
}

#[test]
fn never_more_than_max_inside_and_a_no_show_frees_a_place() {
    let mut story = Story::open();
    (0..5).for_each(|n| drop(story.join(n)));
    assert_eq!(admitted(&story.wait(9_000)).len(), 3);
    let told = story.wait(3_000);
    assert_eq!(story.event.order().ticket(1).phase, Phase::Expired);
    assert!(told.iter().any(|told| told.outcome == Outcome::Expired));
    assert_eq!(admitted(&told).first(), Some(&ticket(3)));
    assert_eq!(story.act(0, Action::Enter), refusal(Refusal::TurnExpired));
}

#[test]
fn a_fast_rate_comes_in_bursts_of_a_second_at_most() {
    let mut fast = definition();
    fast.admission = AdmissionRules { rate_per_min: 600, max_inside: 100, ..fast.admission };
    fast.slots[0].capacity = 1_000;
    let mut story = Story::opened(fast);
    story.wait(30_000);
    (0..50).for_each(|n| drop(story.join(n)));
    assert_eq!(story.event.order().count(Phase::Admitted), 10);
    assert_eq!(admitted(&story.wait(1_000)).len(), 10);
}

#[test]
fn a_pause_stops_admission_only() {
    let mut story = Story::open();
    story.inside(0);
    story.join(1);
    story.operate(Operation::Pause);
    assert_eq!(admitted(&story.wait(5_000)), []);
    assert!(matches!(story.hold(0, "a", 1), Outcome::Held { .. }));
    assert!(matches!(story.join(2), Outcome::Waiting { position: 3 }));
    story.operate(Operation::Resume);
    assert_eq!(admitted(&story.wait(1_000)).len(), 1);
}

#[test]
fn nobody_is_let_in_for_nothing_and_those_who_wait_get_what_comes_back() {
    let mut story = Story::open();
    for (n, slot, seats) in [(0, "a", 2), (1, "b", 2)] {
        story.inside(n);
        story.hold(n, slot, seats);
        story.book(n);
    }
    story.inside(2);
    (3..5).for_each(|n| drop(story.join(n)));
    assert_eq!(admitted(&story.wait(5_000)), [], "one seat is left and someone is after it");
    story.hold(2, "b", 1);
    assert!(story.event.sold_out());
    assert_eq!(admitted(&story.wait(5_000)), []);
    let cancel = Command::Act { ticket: ticket(0), seq: None, action: Action::Cancel };
    assert_eq!(admitted(&story.run([cancel])), [ticket(3)]);
    assert_eq!(admitted(&story.wait(2_000)), [ticket(4)]);
}

#[test]
fn who_leaves_never_blocks_the_line() {
    let mut story = Story::open();
    (0..4).for_each(|n| drop(story.join(n)));
    story.wait(1_000);
    story.act(1, Action::Leave);
    story.act(2, Action::Leave);
    assert_eq!(story.event.order().serving(), 3);
    assert_eq!(admitted(&story.wait(1_000)), [ticket(3)]);
}

#[test]
fn who_left_may_join_again_at_the_end() {
    let mut story = Story::open();
    (0..3).for_each(|n| drop(story.join(n)));
    assert_eq!(story.rejoin(9, 1), refusal(Refusal::TicketNotEnded));
    story.act(1, Action::Leave);
    assert_eq!(story.rejoin(9, 1), Outcome::Waiting { position: 4 });
    assert_eq!(story.rejoin(9, 1), Outcome::Waiting { position: 4 });
    assert_eq!(story.rejoin(10, 1), refusal(Refusal::TicketNotEnded));
    assert_eq!(story.act(1, Action::Leave), Outcome::Left, "the first id stands for the latest");
    assert_eq!(story.event.order().ticket(4).phase, Phase::Left);
}

#[test]
fn the_rate_shown_is_the_rate_seen() {
    let mut story = Story::open();
    assert_eq!(story.event.rate_per_min(), 60);
    (0..200).for_each(|n| drop(story.join(n)));
    story.wait(60_000);
    let rate = story.event.rate_per_min();
    assert!((15..=25).contains(&rate), "3 places for 10 s each: {rate}");
    story.operate(Operation::Pause);
    assert_eq!(story.event.rate_per_min(), 0);
}

#[test]
fn the_window_ends_and_frees_the_place() {
    let mut story = Story::open();
    story.inside(0);
    story.wait(61_000);
    assert_eq!(story.event.order().ticket(1).phase, Phase::Expired);
    assert_eq!(story.hold(0, "a", 1), refusal(Refusal::WindowOver));
    assert_eq!(story.event.occupied(), 0);
}

#[test]
fn a_queue_without_slots_lets_in_and_holds_nothing() {
    let mut queue = definition();
    queue.slots.clear();
    let mut story = Story::opened(queue);
    story.inside(0);
    assert_eq!(story.hold(0, "a", 1), refusal(Refusal::UnknownSlot));
    assert!(!story.event.sold_out());
}
