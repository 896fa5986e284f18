//! What the script starts from: the same facts as the document, in the words of the API.

use serde_json::{Map, Value, json};

use super::{
    model::{Event, PageModel, Place, Ticket, TicketState},
    times::iso,
};

pub(super) fn island(model: &PageModel, title: &str) -> Value {
    let texts: Map<_, _> = model.lang.for_script().map(|(k, v)| (k.to_owned(), v.into())).collect();
    let problems: Map<_, _> =
        model.lang.problems.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect();
    let event = &model.event;
    json!({
        "lang": model.lang.lang,
        "title": title,
        "now": model.now,
        "seen": model.seen,
        "time_zone": event.time_zone,
        "opens_at": event.opens_at.map(iso),
        "return_url": event.return_url,
        "queue_only": event.queue_only,
        "event": facts(event),
        "known": !matches!(model.place, Place::Unknown),
        "ticket": match &model.place {
            Place::Held(held) => ticket(held),
            Place::Unknown | Place::None => Value::Null,
        },
        "texts": texts,
        "problems": problems,
    })
}

fn facts(event: &Event) -> Value {
    json!({
        "id": event.id,
        "state": event.state.name(),
        "serving": event.serving,
        "total": event.total,
        "rate": event.rate,
        "sold_out": event.sold_out,
    })
}

/// As `GET …/ticket` answers.
fn ticket(ticket: &Ticket) -> Value {
    let mut out = json!({
        "ticket": ticket.id,
        "attempt": ticket.attempt,
        "state": ticket.state.name(),
        "last": {"seq": ticket.last_seq},
    });
    match &ticket.state {
        TicketState::Waiting { position, ahead, eta_secs } => {
            out["position"] = (*position).into();
            out["ahead"] = (*ahead).into();
            out["eta_secs"] = (*eta_secs).into();
        }
        TicketState::Admitted { until } => out["until"] = iso(*until).into(),
        TicketState::Inside { until, pass } => {
            out["until"] = iso(*until).into();
            out["pass"] = pass.clone().into();
        }
        TicketState::Holding { hold, until, pass } => {
            out["until"] = until.map(iso).into();
            out["pass"] = pass.clone().into();
            out["hold"] = json!({"slot": hold.slot, "seats": hold.seats, "until": iso(hold.until)});
        }
        TicketState::Booked(booking) => {
            out["booking"] =
                json!({"booking": booking.number, "slot": booking.slot, "seats": booking.seats});
        }
        _ => {}
    }
    out
}
