//! A whole sale in one thread: real workers, APIs, gateways and operators over stores in memory, on
//! virtual time, with everything that can go wrong drawn from one seed.
//!
//! The same seed gives the same run, step by step. That needs a runtime whose own choices are
//! seeded: build with `--cfg tokio_unstable`, as `cargo xtask sim` does.

mod client;
mod clock;
mod dice;
mod judge;
mod life;
mod links;
mod nemesis;
mod shopper;
mod site;
mod trace;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{EventId, mutants::Mutant};
use futures_util::future::join_all;
use ports::{Clock, EventLog, Facts};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use wire::facts::{DefinitionFact, definition_key};

use crate::{
    clock::{DAY_MS, SimClock},
    dice::Dice,
    judge::Court,
    life::{Sky, Weather},
    links::ViewFault,
    nemesis::{CALM, CREW, Nemesis},
    shopper::Shopper,
    site::Site,
    trace::Trace,
};

pub use judge::Tally;

/// Longest sale, in virtual milliseconds, before the calm at the end.
const SALE_MS: (u64, u64) = (12_000, 40_000);
const SHOPPERS: (u64, u64) = (4, 18);

/// What became of a seed.
#[derive(Debug)]
pub struct Verdict {
    pub seed: u64,
    /// What must never be and was, the first of it.
    pub violation: Option<String>,
    /// SHA-256 over every step.
    pub digest: [u8; 32],
    pub steps: u64,
    /// The last steps, or all of them.
    pub lines: Vec<String>,
    /// Virtual time that passed.
    pub passed: Duration,
    pub tally: Tally,
}

impl Verdict {
    /// Of a seed that broke off.
    pub fn broken(seed: u64, violation: Option<String>) -> Self {
        let violation = violation.or_else(|| Some("broke off".to_owned()));
        let (digest, steps, lines) = ([0; 32], 0, Vec::new());
        Self {
            seed,
            violation,
            digest,
            steps,
            lines,
            passed: Duration::ZERO,
            tally: Tally::default(),
        }
    }
}

/// Can this build repeat a seed?
pub const REPEATABLE: bool = cfg!(tokio_unstable);

/// Plays one seed, with one rule broken or none.
///
/// # Panics
/// When the product does: that is a finding, too.
pub fn play(seed: u64, mutant: Option<Mutant>, keep_all: bool) -> Verdict {
    #[cfg(feature = "mutants")]
    domain::mutants::activate(mutant);
    #[cfg(not(feature = "mutants"))]
    assert!(mutant.is_none(), "rules can be broken with the feature `mutants` only");
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true);
    #[cfg(tokio_unstable)]
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_be_bytes()));
    let runtime = builder.build().expect("a runtime");
    let verdict = runtime.block_on(sale(seed, keep_all));
    drop(runtime);
    #[cfg(feature = "mutants")]
    domain::mutants::activate(None);
    verdict
}

async fn sale(seed: u64, keep_all: bool) -> Verdict {
    let began = Instant::now();
    let trace = Trace::new(keep_all);
    let mut dice = Dice::of(seed, 0);
    let weather = Weather::draw(&mut dice);
    trace.note("sky", format_args!("seed {seed}, {weather:?}"));
    let sky = Arc::new(Sky {
        trace: trace.clone(),
        dice: Mutex::new(Dice::of(seed, 1)),
        weather: Mutex::new(Weather::CALM),
    });
    let event: EventId = "popup".parse().expect("an id");
    let (broker_clock, fault) = (SimClock::new(began), ViewFault::default());
    let (log, view) = (site::log(&sky, &broker_clock), site::view(&fault));
    log.create(&event).await.expect("memory is at hand");
    let court = Court::new(trace.clone(), event.clone(), &log, view.clone());
    let stores = (log, view, fault);
    let judge = Arc::new(court.clone());
    let site = Arc::new(Site::new(sky.clone(), event, stores, broker_clock, judge));
    let (salt, slots) = make_event(&site, &mut dice).await;
    for (role, count) in CREW {
        (0..count).for_each(|number| site.start(role, number, false, false));
    }
    // The owner's first steps, in peace.
    sleep(Duration::from_millis(1_500)).await;
    *sky.weather.lock().expect("nothing panics under it") = weather;

    let rage_until = Instant::now() + dice.millis(SALE_MS.0, SALE_MS.1);
    let end = rage_until + CALM;
    let shoppers = dice.between(SHOPPERS.0, SHOPPERS.1);
    let crowd = (0..shoppers).map(|number| {
        Shopper::new(number, &site, &court, (salt, slots.clone()), rage_until).live(end)
    });
    let crowd = tokio::spawn(join_all(crowd.collect::<Vec<_>>()));
    let nemesis = Nemesis::new(&site, &court, &slots, seed);
    tokio::spawn(nemesis.rage(rage_until));
    let over = async {
        while trace.violated().is_none() && Instant::now() < end {
            sleep(Duration::from_millis(500)).await;
        }
    };
    over.await;
    if trace.violated().is_none() {
        let crowd = crowd.await;
        trace.must(crowd.is_ok(), || format!("a shopper broke: {crowd:?}"));
        sleep_until(end).await;
        check_rest(&site, &court);
    }
    verdict(seed, &trace, &court, began)
}

fn verdict(seed: u64, trace: &Trace, court: &Court, began: Instant) -> Verdict {
    let mut tally = court.in_session().tally;
    {
        let inner = court.in_session();
        tally.tickets = inner.oracle.people.len() as u64;
        tally.bookings = inner.oracle.people.iter().filter(|p| p.booking.is_some()).count() as u64;
        tally.owners = inner.owners();
    }
    Verdict {
        seed,
        violation: trace.violated(),
        digest: trace.digest(),
        steps: trace.steps(),
        lines: trace.lines(),
        passed: began.elapsed(),
        tally,
    }
}

/// Writes the definition into the log and the facts, as an operator does; tells salt and slots.
async fn make_event(site: &Site, dice: &mut Dice) -> ([u8; 16], Vec<String>) {
    let salt = dice.bytes();
    let body = definition(dice);
    let slots = body["slots"].as_array().into_iter().flatten();
    let slots = slots.filter_map(|slot| slot["id"].as_str().map(str::to_owned)).collect();
    let definition: wire::definition::DefinitionBody =
        serde_json::from_value(body).expect("a definition");
    let definition = domain::Definition::from(definition);
    let body = (&definition).into();
    let operation = domain::Operation::Define { salt, definition: Box::new(definition) };
    let mut commands = vec![domain::Command::Operate(operation)];
    if dice.permille(800) {
        commands.push(domain::Command::Operate(domain::Operation::Open));
    }
    let record = wire::record::encode(&commands);
    site.log.append(&site.event, record.into()).await.expect("memory is at hand");
    let fact = DefinitionFact { salt, definition: body };
    let put = site.facts.put(&definition_key(&site.event), fact.encode().into()).await;
    put.expect("memory is at hand");
    (salt, slots)
}

fn definition(dice: &mut Dice) -> Value {
    let rates = [60, 300, 1_200, 6_000];
    let slots = if dice.permille(80) { 0 } else { dice.between(1, 4) };
    let slot = |number| {
        json!({
            "id": format!("s{number}"),
            "starts_at": "2026-12-05T11:00:00Z",
            "capacity": dice.between(1, 7),
        })
    };
    let slots: Vec<Value> = (0..slots).map(slot).collect();
    let opens = wire::time::format(DAY_MS + dice.between(500, 8_000));
    let closes =
        dice.permille(150).then(|| wire::time::format(DAY_MS + dice.between(15_000, 50_000)));
    json!({
        "title": {"en": "Simulated"},
        "opens_at": opens,
        "prequeue_at": wire::time::format(DAY_MS + 100),
        "closes_at": closes,
        "admission": {
            "rate_per_min": dice.pick(&rates),
            "max_inside": dice.between(1, 9),
            "claim_secs": dice.between(2, 9),
            "window_secs": dice.between(4, 25),
        },
        "hold_secs": dice.between(2, 12),
        "seats_per_ticket": dice.between(1, 4),
        "slots": slots,
    })
}

/// After a long calm: one owner drives the event, and the view is the log.
fn check_rest(site: &Site, court: &Court) {
    court.in_session().check_all("at the end");
    let inner = court.in_session();
    let trace = &site.sky.trace;
    let silent = site.broker_clock.now().saturating_sub(inner.oracle.clock.record);
    trace.must(silent <= 12_000, || format!("nobody has driven the event for {silent} ms"));
    let (head, next) = (inner.present_head(), inner.oracle.next);
    // The last tick may still be on its way.
    let shown = head.is_some_and(|head| head.next + 2 >= next);
    trace.must(shown, || format!("the view stands at {head:?}, the log at {next}"));
}
