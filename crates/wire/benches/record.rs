//! How fast records are written and read on one core: `cargo bench -p twinkle-wire`.
//!
//! Prints the ratio to a memory copy of the same bytes, because machines differ.

use std::{
    hint::black_box,
    io::{Result, Write, stdout},
    time::{Duration, Instant},
};

use domain::{Command, Epoch, TicketId};
use twinkle_wire::{
    Chain,
    record::{Pack, decode, encode, encode_one},
};

const COMMANDS: usize = 1_024;
const RUN: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    let joins: Vec<Command> = (0..COMMANDS as u128).map(join).collect();
    let ticks: Vec<Command> = vec![Command::Tick { epoch: Epoch(4_711) }; COMMANDS];
    let (join_bytes, tick_bytes) = (encode(&joins), encode(&ticks));
    let copy = rate(|| drop(black_box(join_bytes.clone())));
    let report = |what: &str, rate: f64| {
        writeln!(stdout(), "{what:<24}{:>8.2} million/s{:>8.4} of a copy", rate / 1e6, rate / copy)
    };
    report("copy of joins", copy)?;
    report("decode joins", rate(|| drop(black_box(decode(&join_bytes)))))?;
    report("decode ticks", rate(|| drop(black_box(decode(&tick_bytes)))))?;
    let mut chain = Chain::start(&"popup".parse().map_err(std::io::Error::other)?);
    report("link joins", rate(|| chain.link(0, 0, black_box(&join_bytes))))?;
    report("encode joins", rate(|| drop(black_box(encode(&joins)))))?;
    report("encode and pack joins", rate(|| drop(black_box(pack(&joins)))))
}

fn join(number: u128) -> Command {
    let id = number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_0c5a_1d2e_3b47);
    Command::Join { ticket: TicketId(id.to_be_bytes()), previous: None }
}

fn pack(commands: &[Command]) -> Vec<u8> {
    let mut pack = Pack::new();
    for command in commands {
        if pack.push(&encode_one(command)).is_err() {
            break;
        }
    }
    pack.finish()
}

/// Commands a second.
fn rate(mut step: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut steps = 0_u32;
    while start.elapsed() < RUN {
        for _ in 0..64 {
            step();
        }
        steps += 64;
    }
    f64::from(steps) * COMMANDS as f64 / start.elapsed().as_secs_f64()
}
