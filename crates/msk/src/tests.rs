use std::{collections::BTreeMap, time::Duration};

use super::*;

/// 2026-01-02T03:04:05Z, in seconds since 1970.
const NOW_SECS: u64 = 1_767_323_045;
const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const SESSION: &str = "session/token+with=signs";

/// What AWS' own signer (aws-msk-iam-sasl-signer-python 1.0.2) says for this key, time and region.
const SIGNATURE: &str = "7cc178453342e479def8e0e69cbff443ca929b5b0426af0f4b64554172c7195d";
/// The same for credentials of a session, as pods have them.
const SESSION_SIGNATURE: &str = "7ab65d3ab506f4a0bcc61f27ac87442fa48f91584097e4f9a43841e1ea20f3eb";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_SECS)
}

fn token(session: Option<&str>, ends: Option<SystemTime>) -> Token {
    let credentials = Credentials::new(KEY, SECRET, session.map(str::to_owned), ends, "test");
    signed(&Region::from_static("eu-west-1"), credentials, now()).expect("a token")
}

/// The address in a token, and its query.
fn read(token: &Token) -> (String, BTreeMap<String, String>) {
    let url = BASE64_URL_SAFE_NO_PAD.decode(&token.text).expect("base64url without padding");
    let url = String::from_utf8(url).expect("text");
    let (address, query) = url.split_once('?').expect("a query");
    (address.to_owned(), form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

#[test]
fn it_is_signed_as_aws_signs_it() {
    for (session, signature) in [(None, SIGNATURE), (Some(SESSION), SESSION_SIGNATURE)] {
        let (address, query) = read(&token(session, None));
        assert_eq!(address, "https://kafka.eu-west-1.amazonaws.com/");
        assert_eq!(query["X-Amz-Signature"], signature);
        assert_eq!(query["Action"], "kafka-cluster:Connect");
        assert_eq!(
            query["X-Amz-Credential"],
            format!("{KEY}/20260102/eu-west-1/kafka-cluster/aws4_request")
        );
        assert_eq!(query["X-Amz-Expires"], TOKEN_SECS.to_string());
        assert_eq!(query.get("X-Amz-Security-Token").map(String::as_str), session);
        assert!(query["User-Agent"].starts_with("twinkle/"));
    }
}

#[test]
fn it_ends_with_the_credentials() {
    let soon = now() + Duration::from_secs(60);
    assert_eq!(token(Some(SESSION), Some(soon)).until, soon);
    let later = now() + Duration::from_secs(TOKEN_SECS);
    assert_eq!(token(Some(SESSION), Some(later + Duration::from_secs(1))).until, later);
    assert_eq!(token(None, None).until, later);
}

#[test]
fn it_is_not_shown() {
    let token = token(None, None);
    assert!(!format!("{token:?}").contains(&token.text));
}
