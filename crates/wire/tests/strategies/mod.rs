//! Random values of everything that goes over the wire.

#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

use std::sync::Arc;

use domain::{
    Action, Address, AdmissionRules, Booking, Command, Definition, Epoch, EventState, Hold, Mode,
    Operation, Outcome, Refusal, Slot, SlotId, TicketId, Told,
};
use proptest::{collection::vec, option, prelude::*};
use twinkle_wire::{
    Code, TicketState,
    view::{Last, LiveMessage, Progress, PublicDefinition, SharedValue, SlotProgress, TicketValue},
};

/// The last millisecond that RFC 3339 can say here.
const TIME_MAX: u64 = 253_402_207_200_000;

pub fn ticket() -> impl Strategy<Value = TicketId> {
    any::<[u8; 16]>().prop_map(TicketId)
}

pub fn slot() -> impl Strategy<Value = SlotId> {
    "[a-z0-9-]{1,48}".prop_map(|text| text.parse().expect("it has the shape of an id"))
}

pub fn address() -> impl Strategy<Value = Address> {
    (0..u64::MAX / 1_024, 0..1_024_u16).prop_map(|(offset, index)| Address { offset, index })
}

pub fn text() -> impl Strategy<Value = Arc<str>> {
    any::<String>().prop_map(Arc::from)
}

fn time() -> std::ops::Range<u64> {
    0..TIME_MAX
}

pub fn admission() -> impl Strategy<Value = AdmissionRules> {
    any::<(u32, u32, u32, u32)>().prop_map(|(rate_per_min, max_inside, claim_secs, window_secs)| {
        AdmissionRules { rate_per_min, max_inside, claim_secs, window_secs }
    })
}

pub fn definition() -> impl Strategy<Value = Definition> {
    let slot = (slot(), time(), any::<u32>()).prop_map(|(id, starts_at, capacity)| Slot {
        id,
        starts_at,
        capacity,
    });
    let times = (option::of(time()), option::of(time()), option::of(time()));
    let title = proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4);
    let texts = (title, any::<String>(), option::of(any::<String>()));
    let numbers = (1..9_u32, any::<u32>(), any::<u32>());
    (texts, times, numbers, admission(), vec(slot, 0..5)).prop_map(
        |(texts, times, numbers, admission, slots)| Definition {
            rules: numbers.0,
            title: texts.0,
            mode: Mode::Fifo,
            time_zone: texts.1,
            prequeue_at: times.0,
            opens_at: times.1,
            closes_at: times.2,
            return_url: texts.2,
            admission,
            hold_secs: numbers.1,
            seats_per_ticket: numbers.2,
            slots,
        },
    )
}

pub fn command() -> impl Strategy<Value = Command> {
    let join = (ticket(), option::of(ticket()))
        .prop_map(|(ticket, previous)| Command::Join { ticket, previous });
    let act = (ticket(), option::of(any::<u32>()), action())
        .prop_map(|(ticket, seq, action)| Command::Act { ticket, seq, action });
    prop_oneof![
        Just(Command::Malformed),
        any::<u64>().prop_map(|epoch| Command::Own { after: Epoch(epoch) }),
        any::<u64>().prop_map(|epoch| Command::Tick { epoch: Epoch(epoch) }),
        join,
        act,
        operation().prop_map(Command::Operate),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Enter),
        (slot(), any::<u32>()).prop_map(|(slot, seats)| Action::Hold { slot, seats }),
        Just(Action::Release),
        option::of(text()).prop_map(|reference| Action::Book { reference }),
        Just(Action::Cancel),
        Just(Action::Leave),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let define = (any::<[u8; 16]>(), definition()).prop_map(|(salt, definition)| {
        Operation::Define { salt, definition: Box::new(definition) }
    });
    prop_oneof![
        define,
        Just(Operation::Open),
        Just(Operation::Pause),
        Just(Operation::Resume),
        Just(Operation::Close),
        Just(Operation::Archive),
        admission().prop_map(Operation::Admission),
        (slot(), any::<u32>()).prop_map(|(slot, capacity)| Operation::Capacity { slot, capacity }),
    ]
}

pub fn state() -> impl Strategy<Value = EventState> {
    prop_oneof![
        Just(EventState::Draft),
        Just(EventState::Prequeue),
        Just(EventState::Open),
        Just(EventState::Paused),
        Just(EventState::Closed),
        Just(EventState::Archived),
    ]
}

pub fn refusal() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        any::<u32>().prop_map(|current| Refusal::StaleSeq { current }),
        proptest::sample::select(vec![
            Refusal::EventNotOpen,
            Refusal::EventArchived,
            Refusal::LineFull,
            Refusal::NoTicket,
            Refusal::TicketNotEnded,
            Refusal::TicketEnded,
            Refusal::NotAdmitted,
            Refusal::NotInside,
            Refusal::TurnExpired,
            Refusal::WindowOver,
            Refusal::UnknownSlot,
            Refusal::BadSeats,
            Refusal::NotEnoughSeats,
            Refusal::NoHold,
            Refusal::HoldExpired,
            Refusal::AlreadyBooked,
            Refusal::NoBooking,
            Refusal::CapacityBelowSold,
            Refusal::WrongState,
            Refusal::DefinitionInvalid,
        ]),
    ]
}

fn hold() -> impl Strategy<Value = Hold> {
    (slot(), any::<u32>(), any::<u64>()).prop_map(|(slot, seats, until)| Hold {
        slot,
        seats,
        until,
    })
}

fn booking() -> impl Strategy<Value = Booking> {
    (address(), slot(), any::<u32>(), option::of(text()))
        .prop_map(|(id, slot, seats, reference)| Booking { id, slot, seats, reference })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        any::<u32>().prop_map(|position| Outcome::Waiting { position }),
        any::<u64>().prop_map(|until| Outcome::Admitted { until }),
        any::<u64>().prop_map(|until| Outcome::Inside { until }),
        hold().prop_map(|hold| Outcome::Held { hold }),
        any::<(u64, bool)>().prop_map(|(until, ran_out)| Outcome::Released { until, ran_out }),
        booking().prop_map(|booking| Outcome::Booked { booking }),
        Just(Outcome::Cancelled),
        Just(Outcome::Left),
        Just(Outcome::Expired),
        ticket().prop_map(|next| Outcome::Followed { next }),
        refusal().prop_map(|refusal| Outcome::Refused { refusal }),
        state().prop_map(|state| Outcome::Operated { state }),
        any::<u64>().prop_map(|epoch| Outcome::Owned { epoch: Epoch(epoch) }),
    ]
}

pub fn told() -> impl Strategy<Value = Told> {
    (
        option::of(address()),
        option::of(ticket()),
        option::of(any::<u32>()),
        any::<bool>(),
        outcome(),
    )
        .prop_map(|(address, ticket, seq, fresh, outcome)| Told {
            address,
            ticket,
            seq,
            fresh,
            outcome,
        })
}

pub fn progress() -> impl Strategy<Value = Progress> {
    let slot = (slot(), any::<(u32, u32, u32)>())
        .prop_map(|(id, (capacity, held, sold))| SlotProgress { id, capacity, held, sold });
    let span = any::<(u64, u64, u64)>();
    let line = any::<(u32, u32, u32, bool)>();
    let counts = any::<(u32, u32, u32, u32, u32)>();
    (span, state(), line, counts, vec(slot, 0..5)).prop_map(|(span, state, line, counts, slots)| {
        Progress {
            from: span.0,
            to: span.1,
            at: span.2,
            state,
            serving: line.0,
            total: line.1,
            rate: line.2,
            waiting: counts.0,
            admitted: counts.1,
            inside: counts.2,
            holding: counts.3,
            booked: counts.4,
            sold_out: line.3,
            slots,
        }
    })
}

pub fn shared() -> impl Strategy<Value = SharedValue> {
    let head = option::of("[A-Za-z0-9._-]{1,40}");
    (any::<[u8; 16]>(), definition(), progress(), head).prop_map(
        |(salt, definition, progress, head)| SharedValue {
            salt,
            definition: PublicDefinition::from(&definition),
            progress,
            head,
        },
    )
}

pub fn live() -> impl Strategy<Value = LiveMessage> {
    (progress(), option::of(definition()), vec(told(), 0..8), vec("[0-9a-f-]{55}", 0..3)).prop_map(
        |(progress, definition, told, traces)| LiveMessage {
            progress,
            definition: definition.as_ref().map(PublicDefinition::from),
            told,
            traces,
        },
    )
}

fn ticket_state() -> impl Strategy<Value = TicketState> {
    proptest::sample::select(vec![
        TicketState::Registered,
        TicketState::Waiting,
        TicketState::Admitted,
        TicketState::Inside,
        TicketState::Holding,
        TicketState::Booked,
        TicketState::Left,
        TicketState::Expired,
        TicketState::Cancelled,
    ])
}

fn last() -> impl Strategy<Value = Last> {
    let code = option::of(proptest::sample::select(Code::ALL));
    (any::<u32>(), code).prop_map(|(seq, code)| Last { seq, code })
}

pub fn ticket_value() -> impl Strategy<Value = TicketValue> {
    let more =
        (option::of(hold()), option::of(booking()), option::of(last()), option::of(ticket()));
    let plain = any::<u32>().prop_map(TicketValue::waiting);
    let full = (any::<(u32, u16, Option<u64>)>(), ticket_state(), more).prop_map(
        |((position, attempt, until), state, (hold, booking, last, next))| TicketValue {
            position,
            state,
            attempt,
            until,
            hold,
            booking,
            last,
            next,
        },
    );
    prop_oneof![plain, full]
}
