//! The whole way without JavaScript: a page, forms, and the way back.

use anyhow::{Context, Result};
use reqwest::Method;

use super::Seen;
use crate::{
    calls::{Answer, Role, send},
    event,
    person::Person,
    report::Report,
    stack::Stack,
};

const EVENT: &str = "forms";

pub async fn run(stack: &Stack, report: &mut Report, seen: &mut Seen) -> Result<()> {
    event::open(stack, EVENT, &event::definition(2, 4)).await?;
    let mut me = Person::new(&stack.caller, EVENT);
    let page = stack.caller.get(&format!("/e/{EVENT}")).await?;
    report.same("the page is there", page.status, 200);
    let kind = page.header("content-type").unwrap_or_default();
    report.check(format!("it is HTML: {kind}"), kind.starts_with("text/html"));
    me.cookie = page.cookie();
    report.check("it sets the cookie", me.cookie.is_some());
    seen.cookie(me.cookie.as_deref());

    let mut seq = 0;
    for (step, fields, state) in [
        ("join", "", "admitted"),
        ("entry", "", "inside"),
        ("hold", "&slot=s1&seats=2", "holding"),
        ("release", "", "inside"),
        ("hold", "&slot=s0&seats=1", "holding"),
        ("book", "", "booked"),
        ("cancel", "", "cancelled"),
    ] {
        seq += 1;
        let back = post(&me, step, &format!("seq={seq}{fields}")).await?;
        report.same(format!("the form {step} answers 303"), back.status, 303);
        let to = back.header("location").unwrap_or_default().to_owned();
        report.check(format!("{step} leads back to the page: {to}"), to.contains("/e/forms?seen="));
        me.seen = to.rsplit('=').next().and_then(|seen| seen.parse().ok()).unwrap_or(me.seen);
        me.until_state(state).await?;
        let page = page_of(&me).await?;
        report.check(format!("after {step} the page is there"), page.status == 200);
    }
    let problem = post(&me, "hold", "seq=99&slot=s0&seats=0").await?;
    let to = problem.header("location").unwrap_or_default();
    report.check(
        format!("a form that can't be done leads back too: {} {to}", problem.status),
        problem.status == 303 && to.contains("/e/forms?"),
    );
    Ok(())
}

/// Sends a form as a browser without JavaScript does.
async fn post(me: &Person, step: &str, body: &str) -> Result<Answer> {
    let request = me.caller.raw(Role::Api, Method::POST, &format!("/e/{EVENT}/{step}"));
    let request = request
        .header("origin", &me.caller.origin)
        .header("cookie", me.cookie.as_deref().context("no cookie")?)
        .header("content-type", "application/x-www-form-urlencoded");
    send(request.body(body.to_owned())).await
}

async fn page_of(me: &Person) -> Result<Answer> {
    let path = format!("/e/{EVENT}?seen={}", me.seen);
    let request = me.caller.raw(Role::Gateway, Method::GET, &path);
    send(request.header("cookie", me.cookie.as_deref().context("no cookie")?)).await
}
