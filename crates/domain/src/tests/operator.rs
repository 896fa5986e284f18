use super::story::{START, Story, definition, refusal, slot};
use crate::{
    AdmissionRules, Command, Epoch, EventState, Operation, Outcome, Refusal, Slot, digest::digest,
    ids::Address,
};

fn operated(state: EventState) -> Outcome {
    Outcome::Operated { state }
}

fn define(definition: crate::Definition) -> Operation {
    Operation::Define { salt: [9; 16], definition: Box::new(definition) }
}

#[test]
fn an_event_goes_its_way_and_every_step_repeats() {
    use EventState::{Archived, Closed, Open, Paused};
    let mut story = Story::new(definition());
    assert_eq!(story.join(0), refusal(Refusal::EventNotOpen));
    assert_eq!(story.operate(Operation::Pause), refusal(Refusal::WrongState));
    let steps = [
        (Operation::Open, Open),
        (Operation::Pause, Paused),
        (Operation::Resume, Open),
        (Operation::Close, Closed),
        (Operation::Archive, Archived),
    ];
    for (operation, state) in steps {
        assert_eq!(story.operate(operation.clone()), operated(state));
        assert_eq!(story.operate(operation), operated(state));
    }
    assert_eq!(story.operate(define(definition())), refusal(Refusal::EventArchived));
    assert_eq!(story.join(0), refusal(Refusal::EventArchived));
}

#[test]
fn nothing_happens_before_the_definition() {
    let mut event = crate::Event::default();
    let mut told = Vec::new();
    event.apply(0, START, &[Command::Operate(Operation::Open)], &mut told);
    assert_eq!(told[0].outcome, refusal(Refusal::WrongState));
}

#[test]
fn it_opens_and_closes_by_the_records_own_time() {
    let mut timed = definition();
    timed.prequeue_at = Some(START + 1_000);
    timed.opens_at = Some(START + 3_000);
    timed.closes_at = Some(START + 9_000);
    let mut story = Story::new(timed);
    assert_eq!(story.event.next_turn(), Some(START + 1_000));
    story.wait(1_000);
    assert_eq!(story.event.state(), EventState::Prequeue);
    assert_eq!(story.join(0), Outcome::Waiting { position: 1 });
    story.wait(1_000);
    assert_eq!(story.event.order().serving(), 0);
    story.wait(1_000);
    assert_eq!(story.event.state(), EventState::Open);
    assert_eq!(story.event.order().serving(), 1);
    story.wait(6_000);
    assert_eq!(story.event.state(), EventState::Closed);
    assert_eq!(story.join(1), refusal(Refusal::EventNotOpen));
    assert_eq!(story.hold(0, "a", 1), refusal(Refusal::NotInside));
}

#[test]
fn closing_lets_running_holds_be_booked() {
    let mut story = Story::open();
    story.inside(0);
    story.inside(1);
    story.hold(0, "a", 1);
    story.operate(Operation::Close);
    assert_eq!(story.operate(Operation::Archive), refusal(Refusal::WrongState));
    assert_eq!(story.hold(1, "a", 1), refusal(Refusal::EventNotOpen));
    assert!(matches!(story.book(0), Outcome::Booked { .. }));
}

#[test]
fn an_edit_is_all_or_nothing() {
    let mut story = Story::open();
    story.inside(0);
    story.hold(0, "a", 2);
    let mut cut = definition();
    cut.slots.remove(0);
    cut.hold_secs = 99;
    assert_eq!(story.operate(define(cut.clone())), refusal(Refusal::CapacityBelowSold));
    assert_eq!(story.event.definition().map(|d| d.hold_secs), Some(20));
    cut.slots.insert(0, Slot { id: slot("a"), starts_at: START, capacity: 2 });
    cut.slots.push(Slot { id: slot("c"), starts_at: START, capacity: 4 });
    assert_eq!(story.operate(define(cut)), operated(EventState::Open));
    assert_eq!(story.event.seats().remaining(), 7);
    assert_eq!(story.event.salt(), &[7; 16], "the salt is of the first definition");
}

#[test]
fn the_same_definition_again_changes_nothing() {
    let mut story = Story::open();
    let before = story.event.defined_at();
    assert_eq!(story.operate(define(definition())), operated(EventState::Open));
    assert_eq!(story.event.defined_at(), before);
}

#[test]
fn a_bad_definition_is_refused() {
    let mut story = Story::new(definition());
    let before = digest(&story.event);
    let mut bad = definition();
    bad.slots.push(bad.slots[0].clone());
    let mut told = Vec::new();
    let define = Command::Operate(define(bad));
    let mut copy = story.event.clone();
    copy.apply(story.log.len() as u64, START, std::slice::from_ref(&define), &mut told);
    assert_eq!(told[0].outcome, refusal(Refusal::DefinitionInvalid));
    assert_eq!(copy.definition(), story.event.definition());
    assert_eq!(digest(&story.event), before);
    let rules = AdmissionRules { max_inside: 0, ..definition().admission };
    assert_eq!(story.operate(Operation::Admission(rules)), refusal(Refusal::DefinitionInvalid));
}

#[test]
fn a_slower_rate_cuts_saved_credit() {
    let mut fast = definition();
    fast.admission.rate_per_min = 6_000;
    let mut story = Story::opened(fast);
    story.wait(2_000);
    let slow = AdmissionRules { rate_per_min: 60, ..definition().admission };
    story.operate(Operation::Admission(slow));
    (0..5).for_each(|n| drop(story.join(n)));
    assert_eq!(story.event.order().serving(), 1);
}

#[test]
fn only_who_knows_the_epoch_becomes_owner() {
    let mut story = Story::open();
    let told =
        story.run([Command::Own { after: Epoch::NONE }, Command::Own { after: Epoch::NONE }]);
    let offset = story.log.len() as u64 - 1;
    let epoch = Epoch::won_at(Address { offset, index: 0 });
    assert_eq!(told.len(), 1, "the second claim lost");
    assert_eq!(story.event.epoch(), epoch);
    story.run([Command::Own { after: epoch }]);
    assert!(story.event.epoch() > epoch);
}
