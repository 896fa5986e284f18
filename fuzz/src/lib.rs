//! What must hold for any bytes from outside, as targets for a coverage-guided fuzzer.
//!
//! A target takes bytes and panics when something does not hold. The same functions run under
//! libFuzzer (`cargo xtask fuzz`), over the committed corpus (`cargo test -p twinkle-fuzz`) and over
//! one file (`cargo run -p twinkle-fuzz -- TARGET FILE`).

mod cookie;
mod definition;
mod edits;
mod forwarded;
mod frame;
mod pack;
mod pass;
mod record;

/// Something that reads bytes from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub name: &'static str,
    /// Panics when something does not hold for these bytes.
    pub run: fn(&[u8]),
    /// Real values to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 7] = [
    Target { name: "cookie", run: cookie::run, seeds: cookie::seeds },
    Target { name: "pass", run: pass::run, seeds: pass::seeds },
    Target { name: "record", run: record::run, seeds: record::seeds },
    Target { name: "pack", run: pack::run, seeds: pack::seeds },
    Target { name: "frame", run: frame::run, seeds: frame::seeds },
    Target { name: "definition", run: definition::run, seeds: definition::seeds },
    Target { name: "forwarded", run: forwarded::run, seeds: forwarded::seeds },
];

/// The target of that name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}
