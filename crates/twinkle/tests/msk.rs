//! The program with an AWS role: it gets credentials as EKS Pod Identity gives them, and shows the
//! brokers a token made of them.
#![cfg(feature = "msk-iam")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use testbed::{GuardedKafka, Product};

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const SECRET: &str = "wJalrXUtnFEMI-EXAMPLEKEY";
const POD: &str = "token-of-the-pod";
const PATIENCE: Duration = Duration::from_secs(30);

/// The agent of EKS Pod Identity: its address, and the `Authorization` of each who asks.
fn agent() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1/credentials", listener.local_addr().expect("an address"));
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let lines = BufReader::new(stream.try_clone().expect("a clone")).lines();
            let head = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
            let shown = head.filter_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
            });
            let shown = shown.last().unwrap_or_default();
            let body = format!(
                r#"{{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"{SECRET}","Token":"session","AccountId":"111122223333","Expiration":"2099-01-01T00:00:00Z"}}"#
            );
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
                .expect("an answer");
            if tell.send(shown).is_err() {
                return;
            }
        }
    });
    (url, told)
}

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn env(bootstrap: String, authority: Option<&Path>) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("TWINKLE_KAFKA", bootstrap),
        ("TWINKLE_KAFKA_TLS", "on".to_owned()),
        ("TWINKLE_KAFKA_SASL", "aws-msk-iam".to_owned()),
        ("TWINKLE_REDIS", "redis://127.0.0.1:9/".to_owned()),
        ("TWINKLE_OPERATOR_TOKEN", "0123456789abcdef0123456789abcdef".to_owned()),
        ("TWINKLE_COOKIE_KEYS", KEY.to_owned()),
        ("TWINKLE_PASS_KEYS", KEY.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("HOME", "/nonexistent".to_owned()),
    ];
    let file = authority.map(|path| path.to_str().expect("a path").to_owned());
    pairs.extend(file.map(|file| ("TWINKLE_KAFKA_CA", file)));
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// This broker takes tokens of another make: it reads ours, and says no.
#[test]
fn a_token_of_the_pods_role_is_shown_to_the_brokers() {
    let (folder, kafka) = (folder("msk"), GuardedKafka::start().expect("Kafka"));
    let (url, told) = agent();
    let pod = folder.join("pod-token");
    fs::write(&pod, POD).expect("a file");
    let mut env = env(kafka.sasl(), Some(&kafka.file("authority.pem")));
    let pod = pod.to_str().expect("a path").to_owned();
    env.extend(
        [
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", pod),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let bin = Path::new(env!("CARGO_BIN_EXE_twinkle"));
    let product = Product::start(bin, "all", 0, &env, &folder).expect("it starts");
    assert_eq!(told.recv_timeout(PATIENCE).expect("it asks the agent"), POD);
    let started = Instant::now();
    loop {
        let (status, said) = product.admin("/readyz").unwrap_or_default();
        assert_ne!(status, 200, "it must not get ready");
        if ["refuse this user", "SASL authentication error", "invalid_token"]
            .iter()
            .all(|word| said.contains(word))
        {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{said}");
        sleep(Duration::from_millis(100));
    }
    let log = fs::read_to_string(folder.join("all-0.log")).expect("a log");
    assert!(!log.contains(SECRET) && !log.contains(POD), "{log}");
}

/// What it says when it ends at once.
fn said(more: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinkle"));
    command.arg("serve").env_clear().envs(env("127.0.0.1:9".to_owned(), None));
    command.env("TWINKLE_LISTEN", "127.0.0.1:0").env("TWINKLE_ADMIN_LISTEN", "127.0.0.1:0");
    let out = command.envs(more.iter().copied()).output().expect("it runs");
    assert!(!out.status.success());
    String::from_utf8(out.stderr).expect("text")
}

#[test]
fn without_region_or_role_it_ends_and_says_so() {
    let text = said(&[]);
    assert!(text.contains("AWS_REGION is not set"), "{text}");
    let text = said(&[("AWS_REGION", "eu-west-1")]);
    assert!(
        text.contains("there are no AWS credentials") && text.contains("Pod Identity"),
        "{text}"
    );
    let text = said(&[("AWS_REGION", "eu-west-1"), ("TWINKLE_KAFKA_USERNAME", "somebody")]);
    assert!(text.contains("takes no user and no password"), "{text}");
}
