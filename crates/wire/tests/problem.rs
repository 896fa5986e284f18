//! Codes: a closed set, each with its own words.

mod strategies;

use std::collections::BTreeSet;

use domain::Refusal;
use proptest::prelude::*;
use serde_json::json;
use twinkle_wire::{Code, Problem};

/// Every code of the contract with its status.
const CODES: &str = "unknown_event 404, event_not_open 409, event_archived 409, line_full 409, \
    no_ticket 404, ticket_not_ended 409, ticket_ended 409, not_admitted 409, not_inside 409, \
    turn_expired 409, window_over 409, unknown_slot 422, bad_seats 422, not_enough_seats 409, \
    no_hold 409, hold_expired 409, already_booked 409, no_booking 409, stale_seq 409, \
    cookie_missing 401, cookie_invalid 401, cookie_expired 401, origin_forbidden 403, \
    body_malformed 400, body_too_large 413, header_malformed 400, overloaded 503, \
    log_unavailable 503, view_unknown 503, too_many_requests 429, not_found 404, \
    method_not_allowed 405, internal 500, token_missing 401, token_wrong 401, \
    definition_invalid 422, capacity_below_sold 409, wrong_state 409";

#[test]
fn all_of_them_with_their_status() {
    let codes: Vec<String> =
        Code::ALL.iter().map(|code| format!("{} {}", code.as_str(), code.status())).collect();
    assert_eq!(codes, CODES.split(", ").collect::<Vec<_>>());
}

#[test]
fn each_has_words_of_its_own() {
    let details: BTreeSet<_> = Code::ALL.iter().map(|code| code.detail()).collect();
    assert_eq!(details.len(), Code::ALL.len());
    for code in Code::ALL {
        assert!(code.detail().ends_with('.') && code.detail().len() > 50, "{code:?}");
        assert_eq!(Code::parse(code.as_str()), Some(*code));
        assert_eq!(serde_json::to_value(code).unwrap(), json!(code.as_str()));
        assert_eq!(code.retryable(), matches!(code.status(), 429 | 500 | 503), "{code:?}");
    }
}

#[test]
fn a_body_says_it_all() {
    let body = serde_json::to_value(Problem::from(Refusal::StaleSeq { current: 9 })).unwrap();
    let expected = json!({
        "type": "urn:twinkle:problem:stale_seq", "title": Code::StaleSeq.title(), "status": 409,
        "detail": Code::StaleSeq.detail(), "code": "stale_seq", "retryable": false, "current": 9,
    });
    assert_eq!(body, expected);
    let body = serde_json::to_value(Problem::new(Code::NoHold).with_detail("x")).unwrap();
    assert_eq!((&body["detail"], body.get("current")), (&json!("x"), None));
}

proptest! {
    #[test]
    fn every_refusal_has_a_code(refusal in strategies::refusal()) {
        let problem = Problem::from(refusal);
        prop_assert_eq!(problem.code, Code::from(refusal));
        prop_assert_eq!(problem.current.is_some(), problem.code == Code::StaleSeq);
        let text = serde_json::to_string(&problem).unwrap();
        prop_assert_eq!(serde_json::from_str::<Problem>(&text).unwrap(), problem);
    }
}
