//! The scripts. Redis knows a script by the hash of its text, so releases can't mix theirs up; one
//! that Redis lost is loaded again on the way.

use std::sync::LazyLock;

use redis::Cmd;

/// A script and the command that calls it.
pub(crate) struct Script {
    pub(crate) text: String,
    hash: String,
    verb: &'static str,
}

impl Script {
    /// `shared` comes first in the text.
    fn writes(shared: &str, text: &str) -> Self {
        Self::new(format!("{shared}\n{text}"), "EVALSHA")
    }

    fn reads(text: &str) -> Self {
        Self::new(text.to_owned(), "EVALSHA_RO")
    }

    fn new(text: String, verb: &'static str) -> Self {
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash, verb }
    }

    /// A call with `keys` keys; the keys come next, then the arguments.
    pub(crate) fn call(&self, keys: usize) -> Cmd {
        let mut cmd = redis::cmd(self.verb);
        cmd.arg(&self.hash).arg(keys);
        cmd
    }
}

macro_rules! scripts {
    ($($name:ident = $kind:ident($($file:literal),+);)+) => {$(
        pub(crate) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::$kind($(include_str!(concat!("scripts/", $file))),+));
    )+};
}

scripts! {
    WRITE = writes("head.lua", "write.lua");
    BEGIN = writes("head.lua", "begin.lua");
    CHUNK = writes("head.lua", "chunk.lua");
    FLIP = writes("head.lua", "flip.lua");
    DROP = writes("head.lua", "drop.lua");
    SHARED = reads("shared.lua");
    TICKETS = reads("tickets.lua");
}
