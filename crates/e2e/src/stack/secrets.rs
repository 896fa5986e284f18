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
}

impl Secrets {
    pub fn new(dice: &mut Dice) -> Self {
        let token = URL_SAFE_NO_PAD.encode(bytes(dice));
        let (cookie_key, pass_key) = (bytes(dice), bytes(dice));
        Self { token, cookie_key_id: "c1".into(), cookie_key, pass_key }
    }

    pub fn env(&self) -> Vec<(String, String)> {
        let key = |id: &str, key: &[u8]| format!("{id}:{}", URL_SAFE_NO_PAD.encode(key));
        vec![
            ("TWINKLE_OPERATOR_TOKEN".into(), self.token.clone()),
            ("TWINKLE_COOKIE_KEYS".into(), key(&self.cookie_key_id, &self.cookie_key)),
            ("TWINKLE_PASS_KEYS".into(), key("p1", &self.pass_key)),
        ]
    }

    /// Texts that a log must not hold.
    pub fn texts(&self) -> Vec<String> {
        let keys = [self.cookie_key, self.pass_key].map(|key| URL_SAFE_NO_PAD.encode(key));
        std::iter::once(self.token.clone()).chain(keys).collect()
    }
}

fn bytes(dice: &mut Dice) -> [u8; 32] {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&dice.roll().to_le_bytes());
    }
    bytes
}
