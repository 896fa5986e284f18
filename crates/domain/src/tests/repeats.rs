//! R6: everything can be asked again.

use super::story::{Story, refusal, slot};
use crate::{Action, Outcome, Refusal, digest::digest};

#[test]
fn a_repeated_join_keeps_its_place() {
    let mut story = Story::open();
    story.join(0);
    assert_eq!(story.join(1), Outcome::Waiting { position: 2 });
    assert_eq!(story.join(1), Outcome::Waiting { position: 2 });
    assert_eq!(story.event.order().total(), 2);
}

#[test]
fn an_equal_number_gets_the_stored_answer_and_changes_nothing() {
    let mut story = Story::open();
    story.inside(0);
    let hold = Action::Hold { slot: slot("a"), seats: 2 };
    let first = story.act_as(0, 4, hold.clone());
    story.wait(20_000);
    assert_eq!(story.act_as(0, 4, hold), first);
    assert_eq!(story.event.seats().remaining(), 5, "the hold ran out and stays so");
}

#[test]
fn a_late_command_can_not_undo_a_newer_one() {
    let mut story = Story::open();
    story.inside(0);
    story.act_as(0, 2, Action::Hold { slot: slot("b"), seats: 1 });
    let late = story.act_as(0, 1, Action::Hold { slot: slot("a"), seats: 1 });
    assert_eq!(late, refusal(Refusal::StaleSeq { current: 2 }));
    assert_eq!(story.event.seats().slots()[1].held, 1);
}

#[test]
fn numbers_go_on_across_attempts() {
    let mut story = Story::open();
    story.join(0);
    story.act_as(0, 7, Action::Leave);
    story.rejoin(1, 0);
    let late = story.act_as(0, 6, Action::Leave);
    assert_eq!(late, refusal(Refusal::StaleSeq { current: 7 }));
}

#[test]
fn commands_without_a_number_repeat_by_nature() {
    let mut story = Story::open();
    story.inside(0);
    let held = story.hold(0, "a", 1);
    story.wait(1_000);
    assert_eq!(story.hold(0, "a", 1), held, "the same hold, not a longer one");
    let booked = story.book(0);
    assert_eq!(story.book(0), booked);
    let other = story.act(0, Action::Book { reference: Some("order-9".into()) });
    assert_eq!(other, refusal(Refusal::AlreadyBooked));
    assert_eq!(story.act(0, Action::Leave), refusal(Refusal::AlreadyBooked));
    assert_eq!(story.act(0, Action::Enter), refusal(Refusal::AlreadyBooked));
}

#[test]
fn a_record_folded_twice_changes_nothing() {
    let mut story = Story::open();
    story.join(0);
    let before = digest(&story.event);
    let (at, commands) = story.log.last().cloned().expect("a record");
    let offset = story.log.len() as u64 - 1;
    story.event.apply(offset, at, &commands, &mut Vec::new());
    assert_eq!(digest(&story.event), before);
}

#[test]
fn the_same_log_gives_the_same_state() {
    let mut story = Story::open();
    story.inside(6);
    story.hold(6, "a", 1);
    (0..6).for_each(|n| drop(story.join(n)));
    story.wait(30_000);
    assert_eq!(story.folded_again(), digest(&story.event));
}
