//! The program itself behind TLS and passwords, to a real broker and a real Redis.
#![cfg(feature = "kafka-tls")]

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use testbed::{GuardedKafka, GuardedRedis, Product, USERS};

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// How long a process may take to say what is wrong.
const TOLD_SECS: u64 = 30;

struct World {
    kafka: GuardedKafka,
    redis: GuardedRedis,
    folder: PathBuf,
}

impl World {
    fn start() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guarded");
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder).expect("a folder");
        let (kafka, redis) =
            (GuardedKafka::start().expect("Kafka"), GuardedRedis::start().expect("Redis"));
        Self { kafka, redis, folder }
    }

    fn secret(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        fs::write(&path, format!("{text}\n")).expect("a file");
        text_of(&path)
    }

    fn env(&self) -> Vec<(String, String)> {
        let (user, password) = USERS[0];
        let (redis_user, redis_password) = GuardedRedis::USER;
        let pairs = [
            ("TWINKLE_KAFKA", self.kafka.sasl()),
            ("TWINKLE_KAFKA_TLS", "on".to_owned()),
            ("TWINKLE_KAFKA_CA", text_of(&self.kafka.file("authority.pem"))),
            ("TWINKLE_KAFKA_SASL", "scram-sha-512".to_owned()),
            ("TWINKLE_KAFKA_USERNAME", user.to_owned()),
            ("TWINKLE_KAFKA_PASSWORD_FILE", self.secret("kafka", password)),
            ("TWINKLE_REDIS", self.redis.url(Some(redis_user))),
            ("TWINKLE_REDIS_CA", text_of(&self.redis.file("authority.pem"))),
            ("TWINKLE_REDIS_PASSWORD_FILE", self.secret("redis", redis_password)),
            ("TWINKLE_OPERATOR_TOKEN", "0123456789abcdef0123456789abcdef".to_owned()),
            ("TWINKLE_COOKIE_KEYS", KEY.to_owned()),
            ("TWINKLE_PASS_KEYS", KEY.to_owned()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    fn start_with(&self, number: usize, changed: &[(&str, String)]) -> Product {
        let mut env = self.env();
        env.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let bin = Path::new(env!("CARGO_BIN_EXE_twinkle"));
        Product::start(bin, "all", number, &env, &self.folder).expect("it starts")
    }

    /// It never gets ready, says why there, and does not print what it must not.
    fn not_ready(&self, number: usize, changed: (&str, String), words: &[&str]) {
        let product = self.start_with(number, &[changed]);
        let started = Instant::now();
        loop {
            let (status, said) = product.admin("/readyz").unwrap_or_default();
            assert_ne!(status, 200, "it must not get ready");
            if words.iter().all(|word| said.contains(word)) {
                break;
            }
            assert!(started.elapsed().as_secs() < TOLD_SECS, "{said:?} lacks some of {words:?}");
            sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(self.folder.join(format!("all-{number}.log"))).expect("a log");
        assert!(!log.contains("password-of") && !log.contains("guess"), "{log}");
    }
}

fn text_of(path: &Path) -> String {
    path.to_str().expect("a path").to_owned()
}

#[test]
fn it_gets_ready_behind_tls_and_passwords_and_says_why_it_does_not() {
    let world = World::start();
    let mut product = world.start_with(0, &[]);
    product.wait_ready().expect("ready");
    assert_eq!(product.terminate().expect("an orderly end").code(), Some(0));

    let guess = |name| world.secret(name, "a wild guess");
    let refused = ["not ready: ", "facts (", "refuse this user"];
    world.not_ready(1, ("TWINKLE_KAFKA_PASSWORD_FILE", guess("kafka-guess")), &refused);
    let refused = ["view (", "Redis refuses this user"];
    world.not_ready(2, ("TWINKLE_REDIS_PASSWORD_FILE", guess("redis-guess")), &refused);
    let stranger = text_of(&world.redis.file("stranger.pem"));
    world.not_ready(3, ("TWINKLE_REDIS_CA", stranger), &["view (", "is not trusted"]);
}
