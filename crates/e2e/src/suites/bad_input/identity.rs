//! Who asks, and from which page: cookies and origins.

use anyhow::{Context, Result};
use reqwest::Method;
use uuid::Uuid;

use super::{EVENT, Scene, refused};
use crate::{
    calls::{Answer, Extra, Role, send},
    cookie,
    crowd::{shopper::Ask, socket::dial},
    moment,
    report::Report,
    stack::Stack,
};

const FOREIGN: &str = "https://evil.example";

pub async fn check(stack: &Stack, scene: &Scene, report: &mut Report) -> Result<()> {
    cookies(stack, scene, report).await?;
    own_cookies_work(stack, scene, report).await?;
    origins(scene, report).await;
    streams(scene, report).await
}

/// A cookie for each way in which one can be wrong, and the code that it must get.
fn bad_cookies(stack: &Stack, scene: &Scene) -> Result<Vec<(&'static str, String, &'static str)>> {
    let cookie = scene.inside.cookie.as_deref().context("no cookie")?;
    let (_, value) = cookie.split_once('=').context("no cookie")?;
    let mine = cookie::fields(value);
    let other = scene.booked.cookie.as_deref().context("no cookie")?;
    let theirs = cookie::fields(other.split_once('=').context("no cookie")?.1);
    let later = moment::now().unsigned_abs() / 1_000 + 3_600;
    let browser = Uuid::parse_str(mine[3])?;
    let with = |at: usize, with: &str| {
        let mut fields = mine.clone();
        fields[at] = with;
        fields.join(".")
    };
    let secrets = &stack.secrets;
    let expired = cookie::sign(secrets, browser, 1_600_000_000);
    let strange = cookie::sign_with(&[9; 32], &secrets.cookie_key_id, browser, later);
    let no_key = cookie::sign_with(&secrets.cookie_key, "c9", browser, later);
    Ok(vec![
        ("a forged signature", with(4, &"A".repeat(43)), "cookie_invalid"),
        ("somebody else's browser id", with(3, theirs[3]), "cookie_invalid"),
        ("a later expiry", with(2, "99999999999"), "cookie_invalid"),
        ("another key's signature", strange, "cookie_invalid"),
        ("an unknown key", no_key, "cookie_invalid"),
        ("an unknown version", with(0, "2"), "cookie_invalid"),
        ("garbage", "garbage".to_owned(), "cookie_invalid"),
        ("an empty value", String::new(), "cookie_invalid"),
        ("a value of 8 kB", "a".repeat(8_192), "cookie_invalid"),
        ("an old cookie", expired, "cookie_expired"),
    ])
}

async fn cookies(stack: &Stack, scene: &Scene, report: &mut Report) -> Result<()> {
    let name = scene.inside.cookie.as_deref().and_then(|cookie| cookie.split('=').next());
    let name = name.context("no cookie")?;
    for (what, value, code) in bad_cookies(stack, scene)? {
        let cookie = format!("{name}={value}");
        for (role, method, rest) in [
            (Role::Api, Method::POST, "/tickets"),
            (Role::Api, Method::POST, "/entry"),
            (Role::Api, Method::DELETE, "/ticket"),
            (Role::Gateway, Method::GET, "/ticket"),
        ] {
            let answer = call(scene, role, &method, rest, Some(&cookie)).await;
            refused(report, &format!("{what}, {method} {rest}"), &answer, 401, code);
            let fresh = answer.ok().and_then(|answer| answer.cookie());
            let fresh = fresh.is_some_and(|fresh| fresh != cookie);
            report.check(format!("{what}, {method} {rest} sets a fresh cookie"), fresh);
        }
    }
    for (role, method, rest) in
        [(Role::Api, Method::POST, "/entry"), (Role::Api, Method::DELETE, "/ticket")]
    {
        let answer = call(scene, role, &method, rest, None).await;
        refused(report, &format!("no cookie, {method} {rest}"), &answer, 401, "cookie_missing");
    }
    let answer = call(scene, Role::Gateway, &Method::GET, "/ticket", None).await;
    let told = answer.as_ref().map_or("", |answer| answer.code());
    report.check(
        format!("no cookie, GET /ticket: {told}"),
        matches!(told, "cookie_missing" | "no_ticket"),
    );
    Ok(())
}

/// What the driver signs itself is taken: its forgeries fail for the right reason.
async fn own_cookies_work(stack: &Stack, scene: &Scene, report: &mut Report) -> Result<()> {
    let cookie = scene.inside.cookie.as_deref().context("no cookie")?;
    let (name, value) = cookie.split_once('=').context("no cookie")?;
    let browser = Uuid::parse_str(cookie::fields(value)[3])?;
    let later = moment::now().unsigned_abs() / 1_000 + 3_600;
    let own = format!("{name}={}", cookie::sign(&stack.secrets, browser, later));
    let answer = call(scene, Role::Gateway, &Method::GET, "/ticket", Some(&own)).await?;
    report.same(
        "a cookie signed by the published format is the same browser",
        answer.body["ticket"].as_str().unwrap_or_default().to_owned(),
        scene.inside.ticket.clone(),
    );
    let stranger = format!("{name}={}", cookie::sign(&stack.secrets, Uuid::new_v4(), later));
    let answer = call(scene, Role::Gateway, &Method::GET, "/ticket", Some(&stranger)).await;
    refused(report, "a stranger's state", &answer, 404, "no_ticket");
    Ok(())
}

async fn call(
    scene: &Scene,
    role: Role,
    method: &Method,
    rest: &str,
    cookie: Option<&str>,
) -> Result<Answer> {
    let extra = Extra { cookie, ..Extra::default() };
    scene.caller.shopper(role, method.clone(), &scene.inside.path(rest), &extra).await
}

async fn origins(scene: &Scene, report: &mut Report) {
    let cookie = scene.inside.cookie.clone().unwrap_or_default();
    let from = async |role: Role, method: &Method, path: &str, pairs: &[(&str, &str)]| {
        let mut request = scene.caller.raw(role, method.clone(), path).header("cookie", &cookie);
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        send(request).await
    };
    let cross: [&[(&str, &str)]; 4] = [
        &[("origin", FOREIGN)],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", FOREIGN), ("sec-fetch-site", "same-origin")],
    ];
    for pairs in cross {
        for ask in [Ask::Enter, Ask::Release, Ask::Leave] {
            let (method, rest, _) = ask.call();
            let path = scene.inside.path(rest);
            let answer = from(Role::Api, &method, &path, pairs).await;
            let what = format!("{method} {rest} with {pairs:?}");
            refused(report, &what, &answer, 403, "origin_forbidden");
        }
        let form = format!("/e/{EVENT}/leave");
        let answer = from(Role::Api, &Method::POST, &form, pairs).await;
        let refused = answer.as_ref().is_ok_and(|answer| {
            answer.status == 403 || problem_in(answer) == Some("origin_forbidden")
        });
        report.check(format!("a form with {pairs:?} is refused: {answer:?}"), refused);
    }
    let form = format!("/e/{EVENT}/leave");
    let answer = from(Role::Api, &Method::POST, &form, &[]).await;
    let refused = answer
        .as_ref()
        .is_ok_and(|answer| answer.status == 403 || problem_in(answer) == Some("origin_forbidden"));
    report.check(format!("a form that names no page is refused: {answer:?}"), refused);
}

/// The code in the address that a form is sent back to.
fn problem_in(answer: &Answer) -> Option<&str> {
    answer.header("location")?.split_once("problem=").map(|(_, code)| code)
}

async fn streams(scene: &Scene, report: &mut Report) -> Result<()> {
    let base = scene.caller.bases.pick(Role::Gateway);
    let (path, cookie) = (scene.inside.path("/stream"), scene.inside.cookie.as_deref());
    let own = &scene.caller.origin;
    for (what, path, cookie, origin, status) in [
        ("a foreign page", path.as_str(), cookie, FOREIGN, "403"),
        ("a page without a name", path.as_str(), cookie, "null", "403"),
        ("a forged cookie", path.as_str(), Some("twinkle=1.c1.9.x.y"), own.as_str(), "401"),
        ("an unknown event", "/api/v1/events/nope/stream", cookie, own.as_str(), "404"),
    ] {
        let refused = dial(&base, path, cookie, origin).await;
        let told = refused.err().map_or("it was let in".to_owned(), |error| format!("{error:#}"));
        report.check(format!("a stream for {what} gets {status}: {told}"), told.contains(status));
    }
    Ok(())
}
