use super::story::{Story, refusal, slot};
use crate::{Action, Operation, Outcome, Phase, Refusal};

#[test]
fn a_hold_becomes_a_booking_and_a_booking_can_be_cancelled() {
    let mut story = Story::open();
    story.inside(0);
    assert_eq!(story.book(0), refusal(Refusal::NoHold));
    assert!(matches!(story.hold(0, "a", 2), Outcome::Held { .. }));
    let Outcome::Booked { booking } = story.book(0) else { panic!("not booked") };
    assert_eq!((booking.slot, booking.seats), (slot("a"), 2));
    assert_eq!(story.event.occupied(), 0, "who booked makes room");
    assert_eq!(story.event.seats().slots()[0].sold, 2);
    assert_eq!(story.act(0, Action::Cancel), Outcome::Cancelled);
    assert_eq!(story.event.seats().remaining(), 5);
    assert_eq!(story.act(0, Action::Cancel), Outcome::Cancelled);
    assert_eq!(story.book(0), refusal(Refusal::TicketEnded));
}

#[test]
fn a_seat_is_never_held_twice() {
    let mut story = Story::open();
    story.inside(0);
    story.inside(1);
    story.hold(0, "a", 2);
    assert_eq!(story.hold(1, "a", 1), refusal(Refusal::NotEnoughSeats));
    assert_eq!(story.event.seats().slots()[0].remaining(), 0);
}

#[test]
fn a_swap_is_atomic_or_keeps_the_old() {
    let mut story = Story::open();
    story.inside(0);
    story.inside(1);
    story.hold(0, "a", 2);
    story.hold(1, "b", 2);
    assert_eq!(story.hold(0, "b", 2), refusal(Refusal::NotEnoughSeats));
    assert_eq!(story.event.seats().slots()[0].held, 2, "the old hold is kept");
    assert!(matches!(story.hold(0, "b", 1), Outcome::Held { .. }));
    let held: Vec<u32> = story.event.seats().slots().iter().map(|slot| slot.held).collect();
    assert_eq!(held, [0, 3]);
    assert!(matches!(story.hold(0, "a", 2), Outcome::Held { .. }), "and back");
}

#[test]
fn a_hold_runs_out_and_its_owner_is_inside_again() {
    let mut story = Story::open();
    story.inside(0);
    story.hold(0, "a", 2);
    let told = story.wait(20_000);
    assert!(matches!(
        told.last().map(|t| &t.outcome),
        Some(Outcome::Released { ran_out: true, .. })
    ));
    assert_eq!(story.event.seats().remaining(), 5);
    assert_eq!(story.book(0), refusal(Refusal::HoldExpired));
    assert!(matches!(story.hold(0, "b", 1), Outcome::Held { .. }));
}

#[test]
fn a_hold_outlives_the_window_but_nothing_new_begins() {
    let mut story = Story::open();
    story.inside(0);
    story.wait(55_000);
    story.hold(0, "a", 1);
    story.wait(10_000);
    assert_eq!(story.hold(0, "b", 1), refusal(Refusal::WindowOver));
    assert!(matches!(story.book(0), Outcome::Booked { .. }));
}

#[test]
fn a_hold_that_runs_out_after_the_window_ends_the_ticket() {
    let mut story = Story::open();
    story.inside(0);
    story.wait(55_000);
    story.hold(0, "a", 1);
    story.wait(21_000);
    assert_eq!(story.event.order().ticket(1).phase, Phase::Expired);
    assert_eq!(story.event.seats().remaining(), 5);
}

#[test]
fn a_released_hold_gives_its_seats_back_once() {
    let mut story = Story::open();
    story.inside(0);
    story.hold(0, "a", 2);
    for _ in 0..2 {
        let released = story.act(0, Action::Release);
        assert!(matches!(released, Outcome::Released { ran_out: false, .. }));
    }
    assert_eq!(story.event.seats().remaining(), 5);
    assert_eq!(story.book(0), refusal(Refusal::NoHold));
}

#[test]
fn leaving_gives_held_seats_back() {
    let mut story = Story::open();
    story.inside(0);
    story.hold(0, "a", 2);
    assert_eq!(story.act(0, Action::Leave), Outcome::Left);
    assert_eq!(story.event.seats().remaining(), 5);
    assert_eq!(story.event.occupied(), 0);
}

#[test]
fn bad_holds_change_nothing() {
    let mut story = Story::open();
    story.join(0);
    story.wait(1_000);
    assert_eq!(story.hold(0, "a", 1), refusal(Refusal::NotInside), "admitted, but not entered");
    story.join(1);
    assert_eq!(story.hold(1, "a", 1), refusal(Refusal::NotAdmitted));
    assert_eq!(story.act(1, Action::Enter), refusal(Refusal::NotAdmitted));
    story.act(0, Action::Enter);
    assert_eq!(story.hold(0, "x", 1), refusal(Refusal::UnknownSlot));
    assert_eq!(story.hold(0, "a", 0), refusal(Refusal::BadSeats));
    assert_eq!(story.hold(0, "a", 3), refusal(Refusal::BadSeats));
    assert_eq!(story.hold(0, "a", u32::MAX), refusal(Refusal::BadSeats));
    assert_eq!(story.hold(7, "a", 1), refusal(Refusal::NoTicket));
    assert_eq!(story.event.seats().remaining(), 5);
}

#[test]
fn a_capacity_never_falls_below_what_is_held_and_sold() {
    let mut story = Story::open();
    story.inside(0);
    story.hold(0, "a", 2);
    let cut = |capacity| Operation::Capacity { slot: slot("a"), capacity };
    assert_eq!(story.operate(cut(1)), refusal(Refusal::CapacityBelowSold));
    assert!(matches!(story.operate(cut(5)), Outcome::Operated { .. }));
    assert_eq!(story.event.seats().slots()[0].remaining(), 3);
}
