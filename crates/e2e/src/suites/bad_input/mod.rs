//! Bad input: each kind has its own code and a sentence, and changes nothing.

mod commands;
mod identity;
mod operator;
mod transport;

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Seen;
use crate::{
    calls::{Answer, Caller},
    event::{self, slots},
    person::Person,
    problem,
    report::Report,
    stack::Stack,
};

const EVENT: &str = "bad";
/// For frames and records that a bad command might still cause.
const SETTLE_MS: u64 = 400;

/// What the checks need.
#[derive(Debug)]
pub struct Scene {
    pub caller: Caller,
    /// Inside, without seats.
    pub inside: Person,
    /// Waiting: nobody else is let in.
    pub waiting: Person,
    /// Holds two seats in s0 for a long time.
    pub holding: Person,
    /// Has a booking.
    pub booked: Person,
}

pub async fn run(stack: &mut Stack, report: &mut Report, seen: &mut Seen) -> Result<()> {
    let mut scene = scene(stack).await?;
    let before = state(&scene).await?;
    transport::check(&scene, report).await.context("transport::check")?;
    unchanged(&scene, report, &before, "malformed requests").await?;
    identity::check(stack, &scene, report).await.context("identity::check")?;
    unchanged(&scene, report, &before, "forged, aged and swapped cookies, foreign pages").await?;
    operator::check(stack, &scene, report).await.context("operator::check")?;
    unchanged(&scene, report, &before, "bad calls of an operator").await?;
    commands::check_steady(&mut scene, report).await.context("commands::check_steady")?;
    unchanged(&scene, report, &before, "commands that can't be done").await?;
    commands::check_moving(stack, &mut scene, report).await.context("commands::check_moving")?;
    operator::check_archived(stack, report).await.context("operator::check_archived")?;
    for person in [&scene.inside, &scene.waiting, &scene.holding, &scene.booked] {
        seen.cookie(person.cookie.as_deref());
    }
    Ok(())
}

/// An event with four people in four states.
async fn scene(stack: &Stack) -> Result<Scene> {
    use crate::crowd::shopper::Ask;
    let mut definition = event::definition(2, 3);
    definition["admission"]["window_secs"] = json!(600);
    definition["hold_secs"] = json!(600);
    definition["admission"]["max_inside"] = json!(2);
    event::open(stack, EVENT, &definition).await?;
    let caller = stack.caller.clone();
    let slot = slots(&definition)[0].clone();
    let hold = Ask::Hold { slot: slot.clone(), seats: 1 };
    let mut booked = Person::inside(&caller, EVENT).await?;
    booked.ask(&hold, None, true).await?;
    booked.ask(&Ask::Book { reference: None }, None, true).await?;
    booked.until_state("booked").await?;
    let mut holding = Person::inside(&caller, EVENT).await?;
    holding.ask(&Ask::Hold { slot, seats: 2 }, Some(7), true).await?;
    holding.until_state("holding").await?;
    let inside = Person::inside(&caller, EVENT).await?;
    let waiting = Person::joined(&caller, EVENT).await?;
    waiting.until_state("waiting").await?;
    Ok(Scene { caller, inside, waiting, holding, booked })
}

/// Everything that bad input must not change.
async fn state(scene: &Scene) -> Result<Value> {
    sleep(Duration::from_millis(SETTLE_MS)).await;
    let mut facts = scene.caller.get(&format!("/api/v1/events/{EVENT}")).await?.body;
    let stats = scene.caller.operate(Method::GET, &format!("/{EVENT}/stats"), None).await?;
    let mut people = Vec::new();
    for person in [&scene.inside, &scene.waiting, &scene.holding, &scene.booked] {
        let mut state = person.state().await?;
        // An estimate of time, and the last refusal: told, but no state of line or seats.
        state["eta_secs"] = Value::Null;
        state["last"] = Value::Null;
        people.push(state);
    }
    // The moment, and the rate as observed: both move by themselves.
    facts["at"] = Value::Null;
    facts["rate"] = Value::Null;
    let counts = ["state", "total", "waiting", "admitted", "inside", "holding", "booked", "slots"];
    let stats: Vec<_> = counts.iter().map(|count| stats[count].clone()).collect();
    Ok(json!({"facts": facts, "stats": stats, "people": people}))
}

async fn unchanged(scene: &Scene, report: &mut Report, before: &Value, by: &str) -> Result<()> {
    let after = state(scene).await?;
    report.same(format!("nothing is changed by {by}"), &after, before);
    Ok(())
}

/// Judges one answer that must be a problem.
fn refused(report: &mut Report, what: &str, answer: &Result<Answer>, status: u16, code: &str) {
    let faults = match answer {
        Ok(answer) => problem::faults(answer, status, code),
        Err(error) => vec![format!("no answer: {error:#}")],
    };
    report.judge(format!("{what}: {status} {code}"), faults);
}
