//! The texts of this version, to be read by people: `golden/*.txt`. They never change; a new
//! version adds its own.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    Action, Address, AdmissionRules, Booking, Command, Definition, Epoch, EventState, Hold, Mode,
    Operation, Outcome, Refusal, Slot, TicketId, Told,
};
use twinkle_wire::{
    Code, TicketState,
    frame::{self, Personal, Turn},
    record,
    view::{Last, LiveMessage, Progress, PublicDefinition, SharedValue, SlotProgress, TicketValue},
};

const NOON: u64 = 1_796_436_000_000;

fn ticket(byte: u8) -> TicketId {
    TicketId([byte, byte, byte, byte, 0, 0, 0x80, 0, 0x80, 0, 0, 0, 0, 0, 0, byte])
}

fn definition() -> Definition {
    Definition {
        rules: 1,
        title: BTreeMap::from([
            ("en".to_owned(), "Twinkle pop-up".to_owned()),
            ("ko".to_owned(), "반짝 팝업".to_owned()),
        ]),
        mode: Mode::Fifo,
        time_zone: "Asia/Seoul".to_owned(),
        prequeue_at: None,
        opens_at: Some(NOON),
        closes_at: None,
        return_url: None,
        admission: AdmissionRules {
            rate_per_min: 1_200,
            max_inside: 500,
            claim_secs: 60,
            window_secs: 600,
        },
        hold_secs: 300,
        seats_per_ticket: 2,
        slots: vec![Slot {
            id: "1100".parse().unwrap(),
            starts_at: NOON + 7_200_000,
            capacity: 20,
        }],
    }
}

fn progress() -> Progress {
    Progress {
        from: 41,
        to: 44,
        at: NOON + 250,
        state: EventState::Open,
        serving: 480,
        total: 12_345,
        rate: 1_200,
        waiting: 11_865,
        admitted: 20,
        inside: 300,
        holding: 9,
        booked: 100,
        sold_out: false,
        slots: vec![SlotProgress { id: "1100".parse().unwrap(), capacity: 20, held: 2, sold: 15 }],
    }
}

fn hold() -> Hold {
    Hold { slot: "1100".parse().unwrap(), seats: 2, until: NOON + 300_000 }
}

fn booking() -> Booking {
    let (id, reference) = (Address { offset: 43, index: 7 }, Some(Arc::from("order 77")));
    Booking { id, slot: "1100".parse().unwrap(), seats: 2, reference }
}

/// Compares line by line; every line but comments must be met in order.
fn assert_golden(golden: &str, lines: &[String]) {
    let expected: Vec<&str> =
        golden.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(lines, expected, "\nis now:\n{}\n", lines.join("\n"));
}

fn act(seq: Option<u32>, action: Action) -> Command {
    Command::Act { ticket: ticket(0xab), seq, action }
}

fn commands() -> Vec<Command> {
    let slot = || "1100".parse().unwrap();
    let define = Operation::Define { salt: [0x5a; 16], definition: Box::new(definition()) };
    let mut commands = vec![
        Command::Malformed,
        Command::Own { after: Epoch(0) },
        Command::Tick { epoch: Epoch(42) },
        Command::Join { ticket: ticket(0xab), previous: None },
        Command::Join { ticket: ticket(0xab), previous: Some(ticket(0xcd)) },
        act(None, Action::Enter),
        act(Some(7), Action::Enter),
        act(None, Action::Hold { slot: slot(), seats: 2 }),
        act(Some(8), Action::Hold { slot: slot(), seats: 2 }),
        act(Some(9), Action::Release),
        act(None, Action::Book { reference: None }),
        act(Some(10), Action::Book { reference: None }),
        act(Some(10), Action::Book { reference: Some(Arc::from("order \"77\"")) }),
        act(Some(11), Action::Cancel),
        act(Some(12), Action::Leave),
        Command::Operate(define),
    ];
    let plain = [
        Operation::Open,
        Operation::Pause,
        Operation::Resume,
        Operation::Close,
        Operation::Archive,
        Operation::Admission(definition().admission),
        Operation::Capacity { slot: slot(), capacity: 30 },
    ];
    commands.extend(plain.map(Command::Operate));
    commands
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("all of it is text")
}

#[test]
fn records() {
    let mut lines: Vec<String> =
        commands().iter().map(|command| text(record::encode_one(command))).collect();
    lines.push(text(record::encode(&commands()[3..6])));
    assert_golden(include_str!("golden/records.txt"), &lines);
}

#[test]
fn tickets() {
    let full = TicketValue {
        position: 12,
        state: TicketState::Holding,
        attempt: 1,
        until: Some(NOON + 600_000),
        hold: Some(hold()),
        booking: None,
        last: Some(Last { seq: 8, code: None }),
        next: None,
    };
    let booked = TicketValue {
        position: 13,
        state: TicketState::Booked,
        booking: Some(booking()),
        last: Some(Last { seq: 3, code: Some(Code::NotEnoughSeats) }),
        ..TicketValue::default()
    };
    let followed = TicketValue {
        position: 14,
        state: TicketState::Left,
        next: Some(ticket(0xcd)),
        ..TicketValue::default()
    };
    let values = [TicketValue::waiting(123_456), full, booked, followed];
    let lines: Vec<String> = values.iter().map(|value| text(value.encode())).collect();
    assert_golden(include_str!("golden/tickets.txt"), &lines);
}

fn outcomes() -> Vec<Outcome> {
    vec![
        Outcome::Waiting { position: 481 },
        Outcome::Admitted { until: NOON + 60_000 },
        Outcome::Inside { until: NOON + 600_000 },
        Outcome::Held { hold: hold() },
        Outcome::Released { until: NOON + 600_000, ran_out: false },
        Outcome::Released { until: NOON + 600_000, ran_out: true },
        Outcome::Booked { booking: booking() },
        Outcome::Cancelled,
        Outcome::Left,
        Outcome::Expired,
        Outcome::Followed { next: ticket(0xcd) },
        Outcome::Refused { refusal: Refusal::NotEnoughSeats },
        Outcome::Refused { refusal: Refusal::StaleSeq { current: 9 } },
        Outcome::Operated { state: EventState::Paused },
        Outcome::Owned { epoch: Epoch(42) },
    ]
}

fn told(outcome: Outcome) -> Told {
    let address = Some(Address { offset: 43, index: 7 });
    Told { address, ticket: Some(ticket(0xab)), seq: Some(8), fresh: true, outcome }
}

#[test]
fn shared_value_and_live_messages() {
    let definition = PublicDefinition::from(&definition());
    let mut lines = vec![text(
        SharedValue {
            salt: [0x5a; 16],
            definition: definition.clone(),
            progress: progress(),
            head: None,
        }
        .encode(),
    )];
    let message = |definition, told| LiveMessage {
        progress: progress(),
        definition,
        told,
        traces: Vec::new(),
    };
    lines.push(text(message(Some(definition), vec![]).encode()));
    let by_time = Told { address: None, ticket: None, seq: None, ..told(Outcome::Expired) };
    let again = Told { fresh: false, ..told(Outcome::Waiting { position: 481 }) };
    let mut all: Vec<Told> = outcomes().into_iter().map(told).collect();
    all.extend([by_time, again]);
    for told in all {
        let whole = text(message(None, vec![told]).encode());
        let (_, row) = whole.split_once(r#""t":["#).expect("what was told goes last");
        lines.push(row.trim_end_matches("]}").to_owned());
    }
    assert_golden(include_str!("golden/view.txt"), &lines);
}

#[test]
fn frames() {
    let progress = progress();
    let mut lines = vec![frame::progress(&progress), frame::seats(&progress)];
    for turn in [Turn::Paused, Turn::Resumed, Turn::SoldOut, Turn::Closed] {
        lines.push(frame::turn(turn, &progress));
    }
    for outcome in outcomes() {
        let pass = |_| Some("PASS".to_owned());
        let seq = (!matches!(outcome, Outcome::Waiting { .. })).then_some(8);
        let personal = Personal::of(&outcome, seq, progress.standing(), pass);
        lines.extend(personal.map(|frame| frame.text()));
    }
    lines.push(Personal::new(frame::What::None).text());
    assert_golden(include_str!("golden/frames.txt"), &lines);
}
