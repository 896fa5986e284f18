//! A configuration that can't work ends the program before anything is bound, with a sentence.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn serve(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinkle"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TWINKLE_")) {
        command.env_remove(name);
    }
    command.arg("serve").args(args).output().expect("the program starts")
}

/// It ends by itself, says why, and uses the exit code for a wrong configuration.
fn refused(args: &[&str], why: &str) {
    let output = serve(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{args:?}: {said}");
    assert!(said.contains(why), "{args:?}: {said:?} does not say {why:?}");
}

#[test]
fn kafka_and_redis_go_together() {
    refused(&["--kafka", "127.0.0.1:1"], "TWINKLE_REDIS is not");
    refused(&["--redis", "redis://127.0.0.1:1/"], "TWINKLE_KAFKA is not");
}

#[test]
fn split_roles_share_stores_and_keys() {
    refused(&["--roles", "api"], "roles can only be split");
    let stores = ["--roles", "api", "--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1/"];
    refused(&stores, "TWINKLE_OPERATOR_TOKEN must be set");
    let token = [&stores[..], &["--operator-token", "0123456789abcdef0123456789abcdef"]].concat();
    refused(&token, "TWINKLE_COOKIE_KEYS must be set");
    refused(&[&token[..], &["--cookie-keys", KEY]].concat(), "TWINKLE_PASS_KEYS must be set");
}

#[test]
fn bad_values_are_named() {
    let data = folder("bad-values");
    let data = data.to_str().expect("a path");
    refused(&["--data", data, "--public-url", "ftp://x"], "TWINKLE_PUBLIC_URL");
    refused(&["--data", data, "--origins", "nonsense"], "TWINKLE_ORIGINS");
    refused(&["--data", data, "--cookie-keys", "short:AAEC"], "TWINKLE_COOKIE_KEYS");
    refused(&["--data", data, "--operator-token", "short"], "TWINKLE_OPERATOR_TOKEN");
    refused(&["--data", data, "--drain-secs", "99999"], "TWINKLE_DRAIN_SECS");
}

#[test]
fn doors_fail_closed() {
    let folder = folder("doors");
    let secret = folder.join("secret");
    fs::write(&secret, "not a certificate\n").expect("a file");
    let secret = secret.to_str().expect("a path");
    let stores = ["--kafka", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1/"];
    let with = |more: &[&'static str]| [&stores[..], more].concat();
    refused(&with(&["--kafka-sasl", "plain"]), "TWINKLE_KAFKA_TLS is off");
    refused(&with(&["--redis-password-file", "/nowhere"]), "TWINKLE_REDIS_PASSWORD_FILE");
    refused(&[&stores[..], &["--redis-ca", secret]].concat(), "is no PEM file");
    if cfg!(feature = "kafka-tls") {
        let tls = with(&["--kafka-tls", "on"]);
        refused(&[&tls[..], &["--kafka-sasl", "plain"]].concat(), "needs TWINKLE_KAFKA_USERNAME");
        refused(&[&tls[..], &["--kafka-username", "me"]].concat(), "need TWINKLE_KAFKA_SASL");
        refused(&[&tls[..], &["--kafka-cert", secret]].concat(), "go together");
        refused(&[&tls[..], &["--kafka-ca", secret]].concat(), "is no PEM file");
    } else {
        refused(&with(&["--kafka-tls", "on"]), "--features kafka-tls");
    }
}

#[test]
fn a_file_gives_defaults_and_typos_in_it_are_told() {
    let folder = folder("file");
    let file = folder.join("twinkle.yaml");
    let config = file.to_str().expect("a path");
    fs::write(&file, "lisen: 127.0.0.1:0\n").expect("a file");
    refused(&["--config", config], "lisen");
    fs::write(&file, "kafka: 127.0.0.1:1\n").expect("a file");
    refused(&["--config", config], "TWINKLE_REDIS is not");
    fs::write(&file, "kafka: 127.0.0.1:1\nroles: [api]\n").expect("a file");
    let redis = ["--config", config, "--redis", "redis://127.0.0.1:1/"];
    refused(&redis, "TWINKLE_OPERATOR_TOKEN must be set");
}

#[test]
fn a_secret_is_never_printed_back() {
    let output = serve(&["--operator-token", "hunter2hunter2", "--kafka", "127.0.0.1:1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn health_fails_when_nobody_answers() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinkle"));
    let output = command.args(["health", "--admin-listen", "127.0.0.1:1"]).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not answer"));
}
