//! Keys and token of one run: made for it, never constant.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::dice::Dice;

/// What must never be seen in a log.
#[derive(Debug, Clone)]
pub struct Secrets {
    pub token: String,
    pub cookie_key_id: String,
    pub cookie_key: [u8; 32],
    pub pass_key: [u8; 32],
    /// Towards Kafka and Redis, where these ask for one.
    pub passwords: Vec<String>,
}

impl Secrets {
    pub fn new(dice: &mut Dice) -> Self {
        let token = URL_SAFE_NO_PAD.encode(bytes(dice));
        let (cookie_key, pass_key) = (bytes(dice), bytes(dice));
        let passwords = Vec::new();
        Self { token, cookie_key_id: "c1".into(), cookie_key, pass_key, passwords }
    }

    /// A new one.
    pub fn password(&mut self, dice: &mut Dice) -> String {
        let password = URL_SAFE_NO_PAD.encode(bytes(dice));
        self.passwords.push(password.clone());
        password
    }

    /// Token and keys by the names of their files.
    pub fn files(&self) -> [(&'static str, String); 3] {
        let key = |id: &str, key: &[u8]| format!("{id}:{}", URL_SAFE_NO_PAD.encode(key));
        [
            ("operator-token", self.token.clone()),
            ("cookie-keys", key(&self.cookie_key_id, &self.cookie_key)),
            ("pass-keys", key("p1", &self.pass_key)),
        ]
    }

    /// The same as variables.
    pub fn env(&self) -> Vec<(String, String)> {
        let name = |file: &str| format!("TWINKLE_{}", file.replace('-', "_").to_uppercase());
        self.files().map(|(file, value)| (name(file), value)).to_vec()
    }

    /// Texts that a log must not hold.
    pub fn texts(&self) -> Vec<String> {
        let keys = [self.cookie_key, self.pass_key].map(|key| URL_SAFE_NO_PAD.encode(key));
        let once = std::iter::once(self.token.clone());
        once.chain(keys).chain(self.passwords.clone()).collect()
    }
}

fn bytes(dice: &mut Dice) -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&dice.roll().to_le_bytes());
    }
    bytes
}
