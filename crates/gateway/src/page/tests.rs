//! Every state of the page, in every language, and what must never get through.

mod fixtures;

use std::{env, fs, path::PathBuf};

use fixtures::{NOW, booked, event, holding, inside, model, queue_only, ticket, waiting};

use super::*;

/// Every state, by name.
fn gallery() -> Vec<(&'static str, PageModel)> {
    let mut soon = model(Place::None);
    soon.event.state = EventState::Draft;
    let mut prequeue = model(Place::Held(ticket(TicketState::Registered)));
    prequeue.event.state = EventState::Prequeue;
    let mut paused = model(waiting());
    paused.event.state = EventState::Paused;
    let mut sold_out = model(waiting());
    sold_out.event.sold_out = true;
    sold_out.event.slots.iter_mut().for_each(|slot| slot.remaining = Some(0));
    let mut closed = model(waiting());
    closed.event.state = EventState::Closed;
    let mut refused = model(inside());
    refused.problem = Some(Problem {
        code: "not_enough_seats".into(),
        detail: "Only 1 seat is left at that time; nothing changed. Choose fewer seats.".into(),
    });
    let mut pass = model(inside());
    pass.event = queue_only();
    let held = |state| model(Place::Held(ticket(state)));
    vec![
        ("soon", soon),
        ("join", model(Place::None)),
        ("finding", model(Place::Unknown)),
        ("registered", prequeue),
        ("waiting", model(waiting())),
        ("paused", paused),
        ("sold-out", sold_out),
        ("admitted", held(TicketState::Admitted { until: NOW + 60_000 })),
        ("inside", model(inside())),
        ("refused", refused),
        ("pass", pass),
        ("holding", model(holding())),
        ("booked", model(booked())),
        ("left", held(TicketState::Left)),
        ("expired", held(TicketState::Expired)),
        ("cancelled", held(TicketState::Cancelled)),
        ("closed", closed),
    ]
}

fn in_language(model: &PageModel, lang: &'static Texts) -> String {
    render(&PageModel { lang, ..model.clone() })
}

/// The names of the views that are not hidden.
fn shown(html: &str) -> Vec<&str> {
    let sections = html.split("data-name=\"").skip(1);
    let open = sections.filter_map(|rest| rest.split_once('"'));
    open.filter(|(_, rest)| rest.starts_with('>')).map(|(name, _)| name).collect()
}

/// With `PAGE_GALLERY=folder` every state is also written there, to be looked at.
#[test]
fn every_state_shows_one_view_in_every_language() {
    let folder = env::var_os("PAGE_GALLERY").map(PathBuf::from);
    for lang in LANGUAGES {
        for (name, model) in gallery() {
            let html = in_language(&model, lang);
            assert_eq!(shown(&html).len(), 1, "{name} in {}", lang.lang);
            assert!(!html.contains("{{"), "{name} is filled in");
            assert!(html.contains(&format!("<html lang=\"{}\"", lang.lang)));
            if let Some(folder) = &folder {
                let file = folder.join(format!("{name}.{}.html", lang.lang));
                fs::write(file, html).expect("the gallery can be written");
            }
        }
    }
}

#[test]
fn a_view_per_state() {
    let views: Vec<_> = gallery().iter().map(|(_, m)| shown(&render(m))[0].to_owned()).collect();
    let expected = [
        "soon",
        "join",
        "finding",
        "registered",
        "waiting",
        "waiting",
        "waiting",
        "admitted",
        "inside",
        "inside",
        "pass",
        "holding",
        "booked",
        "ended",
        "ended",
        "ended",
        "closed",
    ];
    assert_eq!(views, expected);
}

#[test]
fn hostile_texts_stay_texts() {
    let evil = "</title></script><script>alert(1)</script><img src=x onerror='alert(1)'>\"";
    let mut model = model(holding());
    model.event.titles = vec![(evil.into(), evil.into())];
    model.event.slots[0].id = evil.into();
    model.event.time_zone = evil.into();
    model.event.return_url = Some(evil.into());
    model.problem = Some(Problem { code: evil.into(), detail: evil.into() });
    let html = render(&model);
    let plain = render(&fixtures::model(holding()));
    for tag in ["<script", "</script", "<img", "<title", "</title"] {
        assert_eq!(html.matches(tag).count(), plain.matches(tag).count(), "{tag}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&lt;img"));
    assert!(html.contains("\\u003c/script>"), "the script's facts can't end their element");
}

#[test]
fn unknown_is_never_not_in_line() {
    let html = render(&model(Place::Unknown));
    assert_eq!(shown(&html), ["finding"]);
    assert!(html.contains("your place is safe"));
    assert!(html.contains("\"known\":false"));
}

#[test]
fn waiting_tells_place_ahead_eta_and_title() {
    let html = render(&model(waiting()));
    for text in [
        "<title>1,233 ahead · Tea &amp; &lt;Stars&gt;</title>",
        "data-b=\"position\" data-length=\"5\">2,468<",
        "data-b=\"ahead\">1,233<",
        "data-b=\"eta\">about 21 min<",
        "value=\"500\" aria-label",
        "data-b=\"left\">30<",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn without_a_script_the_page_asks_again_5_to_10_s_later() {
    let mut seen = Vec::new();
    for ms in 0..60 {
        let html = render(&PageModel { now: NOW + ms, seen: Some(7), ..model(waiting()) });
        let (_, rest) = html.split_once("http-equiv=\"refresh\" content=\"").expect("a refresh");
        let (secs, rest) = rest.split_once(';').expect("seconds");
        assert!(rest.starts_with("url=/e/popup?seen=7\"></noscript>"));
        seen.push(secs.parse::<u32>().expect("a number"));
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [5, 6, 7, 8, 9, 10]);
}

#[test]
fn a_choice_is_not_refreshed_away() {
    let html = render(&model(inside()));
    assert!(html.contains("content=\"541;url="), "only when the window is over");
    assert!(!render(&model(booked())).contains("http-equiv"));
}

#[test]
fn slots_are_closed_until_the_turn_and_sold_out_ones_stay_so() {
    let look = render(&model(waiting()));
    assert!(look.contains("id=\"choice\" disabled"));
    let html = render(&model(inside()));
    assert!(html.contains("id=\"choice\">"));
    assert!(html.contains("required value=\"1200\" disabled>"), "sold out");
    assert!(html.contains("required value=\"1100\"><time"), "free");
    assert!(html.contains("Only 2 left"));
    assert!(html.contains("datetime=\"2026-12-05T02:00:00.000Z\">11:00<"), "the event's zone");
}

#[test]
fn the_own_slot_stays_chosen_when_it_is_full() {
    let mut model = model(holding());
    model.event.slots[0].remaining = Some(0);
    let html = render(&model);
    assert!(html.contains("value=\"1100\" checked><time"));
    assert!(html.contains("data-b=\"hold_slot\">Sat 5 December, 11:00<"));
    assert!(html.contains("data-b=\"hold_seats\">2<"));
    assert!(html.contains("value=\"2\" checked>"), "as many seats as now");
}

#[test]
fn forms_carry_the_next_number_and_attempt() {
    let html = render(&model(inside()));
    assert!(html.contains("name=\"seq\" value=\"5\""));
    assert!(!html.contains("name=\"seq\" value=\"4\""));
    let again = render(&model(Place::Held(ticket(TicketState::Left))));
    assert!(again.contains("name=\"attempt\" value=\"2\""));
    let first = render(&model(Place::None));
    assert!(first.contains("name=\"attempt\" value=\"0\""));
}

#[test]
fn nobody_joins_again_where_joins_are_over() {
    let mut model = model(Place::Held(ticket(TicketState::Expired)));
    assert!(render(&model).contains("id=\"again\">"));
    model.event.state = EventState::Closed;
    assert_eq!(shown(&render(&model)), ["closed"]);
}

#[test]
fn the_pass_goes_along_to_the_shop() {
    let mut model = model(inside());
    model.event = queue_only();
    let onward = |model: &PageModel| render(model).contains("id=\"onward\" href=\"https");
    let link = "href=\"https://shop.example/in?a=1&amp;twinkle_pass=ey.J0.x#top\">";
    assert!(render(&model).contains(link));
    model.event.return_url = Some("javascript:alert(1)".into());
    assert!(!onward(&model), "only to the web");
    model.event.return_url = None;
    assert!(!onward(&model));
}

#[test]
fn problems_speak_the_readers_language_where_they_can() {
    let (_, refused) = gallery().into_iter().find(|(name, _)| *name == "refused").expect("it is");
    assert!(render(&refused).contains("<p lang=\"en\">Only 1 seat is left"));
    let korean = choose(Some("ko"));
    assert!(in_language(&refused, korean).contains("<p lang=\"ko\">그 시간대에"));
    let mut unheard = refused;
    unheard.problem = Some(Problem { code: "new".into(), detail: "Something new.".into() });
    assert!(in_language(&unheard, korean).contains("<p lang=\"en\">Something new."));
}

#[test]
fn languages_are_chosen_by_weight() {
    let lang = |header| choose(header).lang;
    assert_eq!(lang(None), "en");
    assert_eq!(lang(Some("ko-KR,ko;q=0.9,en;q=0.8")), "ko");
    assert_eq!(lang(Some("fr, en;q=0.3, ko;q=0.7")), "ko");
    assert_eq!(lang(Some("ko;q=0, en;q=0.1")), "en");
    assert_eq!(lang(Some(";;q=;,,*")), "en");
}

#[test]
fn titles_follow_the_language() {
    let mut model = model(Place::None);
    assert!(render(&model).contains("<h1 lang=\"en\">Tea &amp;"));
    assert!(in_language(&model, choose(Some("ko"))).contains("<h1 lang=\"ko\">차와 별</h1>"));
    model.event.titles = vec![("ja".into(), "お茶".into())];
    assert!(render(&model).contains("<h1 lang=\"ja\">お茶</h1>"));
}

#[test]
fn spans_round_up_and_countdowns_have_days() {
    let times = times::Times::new("Asia/Seoul", LANGUAGES[0]);
    let spans = [Some(0), Some(60), Some(61), Some(3_600), Some(5_400), None];
    let texts = spans.map(|secs| times.span(secs));
    let expected =
        ["under a minute", "under a minute", "about 2 min", "about 1 h 0 min", "about 1 h 30 min"];
    assert_eq!(texts[..5], expected);
    assert_eq!(texts[5], "–");
    let lefts = [-5, 1, 299_000, 3_899_000, 176_699_000].map(|ms| times.left(ms));
    assert_eq!(lefts, ["0:00", "0:01", "4:59", "1:04:59", "2 d 01:04:59"]);
}

#[test]
fn an_unknown_zone_is_utc() {
    let mut model = model(inside());
    model.event.time_zone = "Moon/Base".into();
    assert!(render(&model).contains(">02:00</time>"));
}

#[test]
fn many_seats_make_a_list_and_one_makes_none() {
    let mut model = model(inside());
    model.event.seats_per_ticket = 1;
    assert!(render(&model).contains("type=\"hidden\" name=\"seats\" value=\"1\""));
    model.event.seats_per_ticket = 100;
    assert!(render(&model).contains("<option>100</option></select>"));
}

#[test]
fn trouble_says_what_and_whether_to_try_again() {
    let problem = Problem { code: "unknown_event".into(), detail: "No <such> event.".into() };
    let html = render_trouble(LANGUAGES[0], &problem, None);
    assert!(html.contains("No &lt;such&gt; event."));
    assert!(html.contains("href=\"\" hidden>"));
    let html = render_trouble(LANGUAGES[1], &problem, Some("/e/popup"));
    assert!(html.contains("그런 이벤트가 없습니다"));
    assert!(html.contains("href=\"/e/popup\">"));
}

#[test]
fn assets_are_named_by_their_content_and_the_page_names_them() {
    let html = render(&model(Place::None));
    for asset in ASSETS.iter() {
        let (_, hash) = asset.path.rsplit_once('-').expect("a hash");
        assert!(asset.path.starts_with("/assets/") && hash.len() > 16, "{}", asset.path);
        assert!(html.contains(&asset.path), "{}", asset.path);
        assert!(!asset.body.is_empty());
    }
    assert!(!html.contains("style=\"") && !html.contains(" onclick"), "nothing inline");
    assert_eq!(event().slots.len(), html.matches("data-slot=").count());
}
