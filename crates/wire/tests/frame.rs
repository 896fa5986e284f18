//! Frames and bodies: what is reckoned for a shopper.

mod strategies;

use domain::{EventState, TicketId};
use proptest::prelude::*;
use serde_json::{Value, json};
use twinkle_wire::{
    TicketState,
    body::{EventBody, TicketBody},
    frame::{self, Personal, Turn, What},
    view::{Progress, Standing, TicketValue},
};

fn progress(state: EventState) -> Progress {
    Progress {
        from: 1,
        to: 2,
        at: 3,
        state,
        serving: 10,
        total: 100,
        rate: 60,
        waiting: 90,
        admitted: 0,
        inside: 0,
        holding: 0,
        booked: 0,
        sold_out: false,
        slots: vec![],
    }
}

#[test]
fn the_time_to_wait_is_rounded_up() {
    let standing = Standing { serving: 10, rate: Some(60) };
    assert_eq!((standing.ahead(11), standing.eta_secs(11)), (0, Some(1)));
    assert_eq!((standing.ahead(71), standing.eta_secs(71)), (60, Some(61)));
    assert_eq!((standing.ahead(5), standing.eta_secs(5)), (0, Some(1)));
    let fast = Standing { serving: 0, rate: Some(7) };
    assert_eq!(fast.eta_secs(2), Some(18), "2 people at 7 a minute: 17.1 s");
    let all = Standing { serving: 0, rate: Some(1) };
    assert_eq!(all.eta_secs(u32::MAX), Some(u64::from(u32::MAX) * 60));
}

#[test]
fn nobody_can_tell_while_nobody_is_let_in() {
    let rate = |change: fn(&mut Progress)| {
        let mut progress = progress(EventState::Open);
        change(&mut progress);
        progress.standing().rate
    };
    assert_eq!(rate(|_| ()), Some(60));
    assert_eq!(rate(|progress| progress.rate = 0), None);
    assert_eq!(rate(|progress| progress.sold_out = true), None);
    for state in [EventState::Paused, EventState::Closed, EventState::Prequeue] {
        assert_eq!(progress(state).standing().rate, None, "{state:?}");
    }
}

#[test]
fn turns_are_told_once_and_to_those_who_come() {
    let (open, paused) = (progress(EventState::Open), progress(EventState::Paused));
    let sold_out = Progress { sold_out: true, ..open.clone() };
    let closed = Progress { state: EventState::Closed, ..sold_out.clone() };
    assert_eq!(Turn::between(&open, &open), []);
    assert_eq!(Turn::between(&open, &paused), [Turn::Paused]);
    assert_eq!(Turn::between(&paused, &open), [Turn::Resumed]);
    assert_eq!(Turn::between(&progress(EventState::Prequeue), &open), []);
    assert_eq!(Turn::between(&open, &sold_out), [Turn::SoldOut]);
    assert_eq!(Turn::between(&sold_out, &closed), [Turn::Closed]);
    assert_eq!(Turn::between(&paused, &closed), [Turn::Closed, Turn::SoldOut]);
    assert_eq!(Turn::present(&open), []);
    assert_eq!(Turn::present(&paused), [Turn::Paused]);
    assert_eq!(Turn::present(&closed), [Turn::Closed, Turn::SoldOut]);
}

fn pass(until: u64) -> Option<String> {
    Some(format!("pass until {until}"))
}

#[test]
fn the_present_state_of_each_ticket() {
    let standing = Standing { serving: 0, rate: None };
    let of = |state| {
        let value = TicketValue { position: 5, state, until: Some(0), ..TicketValue::default() };
        Personal::present(&value, standing, pass).what
    };
    let waiting = What::Waiting { position: 5, ahead: 4, eta_secs: None };
    assert_eq!(of(TicketState::Registered), What::Registered);
    assert_eq!(of(TicketState::Waiting), waiting);
    assert_eq!(of(TicketState::Admitted), What::Admitted { until: 0 });
    assert_eq!(of(TicketState::Inside), What::Inside { until: 0, pass: pass(0) });
    assert_eq!(of(TicketState::Left), What::Left);
    assert_eq!(of(TicketState::Expired), What::Expired);
    assert_eq!(of(TicketState::Cancelled), What::Cancelled);
}

#[test]
fn a_ticket_body_has_what_its_state_has() {
    let standing = Standing { serving: 1, rate: Some(60) };
    let body = |value: &TicketValue| {
        let body = TicketBody::new(TicketId([0xab; 16]), value, standing, pass);
        serde_json::to_value(body).unwrap()
    };
    let id = "abababab-abab-abab-abab-abababababab";
    let waiting = json!({"ticket": id, "state": "waiting", "position": 5, "ahead": 3, "eta_secs": 4, "attempt": 0});
    assert_eq!(body(&TicketValue::waiting(5)), waiting);
    let inside =
        TicketValue { state: TicketState::Inside, until: Some(0), ..TicketValue::waiting(5) };
    let inside = body(&inside);
    assert_eq!(inside["pass"], json!("pass until 0"));
    assert_eq!((&inside["ahead"], &inside["eta_secs"]), (&json!(0), &Value::Null));
    assert_eq!(inside["until"], json!("1970-01-01T00:00:00.000Z"));
    let registered = TicketValue { state: TicketState::Registered, ..TicketValue::default() };
    assert_eq!(body(&registered)["position"], Value::Null);
}

proptest! {
    #[test]
    fn ahead_never_grows(position: u32, serving: u32, more: u32) {
        let before = Standing { serving, rate: None }.ahead(position);
        let after = Standing { serving: serving.saturating_add(more), rate: None }.ahead(position);
        prop_assert!(after <= before);
    }

    #[test]
    fn every_frame_is_json_with_its_type_first(
        told in strategies::told(), progress in strategies::progress(), value in strategies::ticket_value(),
    ) {
        let mut frames = vec![frame::progress(&progress), frame::seats(&progress)];
        frames.push(Personal::present(&value, progress.standing(), pass).text());
        let personal = Personal::of(&told.outcome, told.seq, progress.standing(), pass);
        if let Some(personal) = personal {
            let back: Personal = serde_json::from_str(&personal.text()).unwrap();
            prop_assert_eq!(back.what == personal.what, fits_rfc3339(&personal.what));
            frames.push(personal.text());
        }
        for frame in frames {
            prop_assert!(frame.starts_with("{\"type\":\""), "{}", frame);
            serde_json::from_str::<Value>(&frame).unwrap();
        }
    }

    #[test]
    fn bodies_are_json(
        shared in strategies::shared(), value in strategies::ticket_value(), id in strategies::ticket(),
    ) {
        let body = EventBody::new(&"popup".parse().unwrap(), &shared);
        prop_assert_eq!(body.slots.len(), shared.definition.slots.len());
        let text = serde_json::to_string(&body).unwrap();
        serde_json::from_str::<EventBody>(&text).unwrap();
        let body = TicketBody::new(id, &value, shared.progress.standing(), pass);
        let text = serde_json::to_string(&body).unwrap();
        serde_json::from_str::<TicketBody>(&text).unwrap();
    }
}

/// Can the frame's time be said in RFC 3339?
fn fits_rfc3339(what: &What) -> bool {
    match what {
        What::Admitted { until } | What::Released { until } => fits(*until),
        What::Inside { until, .. } | What::Held { until, .. } => fits(*until),
        _ => true,
    }
}

fn fits(at: u64) -> bool {
    twinkle_wire::time::parse(&twinkle_wire::time::format(at)) == Some(at)
}
