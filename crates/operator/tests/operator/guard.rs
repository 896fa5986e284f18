//! Nothing without the token.

use twinkle_operator::Token;
use wire::Code;

use crate::world::{TOKEN, World, definition, event, request};

const CALLS: [&str; 11] = [
    "GET ",
    "GET /popup",
    "PUT /popup",
    "POST /popup/open",
    "POST /popup/pause",
    "POST /popup/resume",
    "POST /popup/close",
    "POST /popup/archive",
    "PATCH /popup/admission",
    "PATCH /popup/slots/1100",
    "GET /popup/stats",
];

#[tokio::test]
async fn every_call_needs_the_token_and_the_right_one() {
    let world = World::new();
    let (longer, shorter) = (format!("Bearer {TOKEN}x"), format!("Bearer {}", &TOKEN[1..]));
    let basic = format!("Basic {TOKEN}");
    for line in CALLS {
        let call = |headers: &[(&str, &str)]| request(line, headers, definition("A", 1));
        let missing = world.send(call(&[])).await;
        missing.problem(Code::TokenMissing);
        assert!(missing.headers.contains_key("www-authenticate"));
        for other in ["", "Bearer", &basic, TOKEN] {
            world.send(call(&[("authorization", other)])).await.problem(Code::TokenMissing);
        }
        for wrong in ["Bearer ", "Bearer wrong", &longer, &shorter] {
            let answer = world.send(call(&[("authorization", wrong)])).await;
            answer.problem(Code::TokenWrong);
            assert!(!answer.text.contains(TOKEN));
        }
    }
    assert!(ports::EventLog::end(&world.log, &event()).await.is_err(), "no log was made");
}

#[tokio::test]
async fn the_scheme_is_read_in_any_case() {
    let world = World::new();
    let value = format!("bEARER {TOKEN}");
    let answer = world.send(request("GET ", &[("authorization", &value)], String::new())).await;
    assert_eq!(answer.json(200), serde_json::json!({"events": []}));
}

#[test]
fn a_token_is_long_enough_and_never_shown() {
    for text in ["", "short", "fifteen-bytes..", "with a blank in the middle", "ünvisible-in-ascii"]
    {
        assert!(Token::new(text).is_err(), "{text}");
    }
    let token = Token::new(TOKEN).unwrap();
    assert!(!format!("{token:?}").contains(TOKEN));
}
