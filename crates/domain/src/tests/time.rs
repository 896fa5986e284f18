use super::story::{START, Story};
use crate::{Command, Epoch, Phase, digest::digest};

fn tick() -> [Command; 1] {
    [Command::Tick { epoch: Epoch::NONE }]
}

#[test]
fn an_outage_stops_deadlines_instead_of_firing_them() {
    let mut story = Story::open();
    story.inside(0);
    story.hold(0, "a", 1);
    story.at += 3_600_000;
    story.run(tick());
    assert_eq!(story.event.order().ticket(1).phase, Phase::Holding);
    story.wait(20_000);
    assert_eq!(story.event.order().ticket(1).phase, Phase::Inside);
}

#[test]
fn time_never_runs_backwards() {
    let mut story = Story::open();
    story.wait(5_000);
    let now = story.event.time().now();
    story.at -= 4_000;
    story.run(tick());
    assert_eq!(story.event.time().now(), now);
    story.wait(1_000);
    assert_eq!(story.event.time().now(), now + 1_000);
}

#[test]
fn an_outage_earns_no_admissions() {
    let mut story = Story::open();
    story.wait(2_000);
    story.join(0);
    (1..9).for_each(|n| drop(story.join(n)));
    story.at += 60_000;
    story.run(tick());
    assert_eq!(story.event.order().serving(), 2, "one at once, one for the most that a gap counts");
}

#[test]
fn a_deadline_of_event_time_is_told_in_the_clock_of_the_log() {
    let mut story = Story::open();
    story.at += 100_000;
    story.run(tick());
    let time = story.event.time();
    assert_eq!(time.now(), START + 2_000);
    assert_eq!(time.expected(START + 5_000), START + 103_000);
    assert_eq!(time.expected(START), time.record());
}

#[test]
fn malformed_commands_keep_their_index_and_change_nothing() {
    let mut story = Story::open();
    let before = story.event.order().total();
    assert!(story.run([Command::Malformed, Command::Malformed]).is_empty());
    assert_eq!(story.event.order().total(), before);
    assert_eq!(story.folded_again(), digest(&story.event));
}
