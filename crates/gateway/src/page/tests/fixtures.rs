//! One event and one shopper in all their states.

use super::super::*;

/// 2026-12-04T05:00:00Z.
pub(super) const NOW: i64 = 1_796_360_400_000;
const HOUR_MS: i64 = 3_600_000;
/// 2026-12-05T11:00:00+09:00.
const FIRST_SLOT: i64 = NOW + 21 * HOUR_MS;

fn slot(id: &str, hours: i64, capacity: u32, remaining: u32) -> Slot {
    let starts_at = FIRST_SLOT + hours * HOUR_MS;
    Slot { id: id.into(), starts_at, capacity, remaining: Some(remaining) }
}

pub(super) fn event() -> Event {
    Event {
        id: "popup".into(),
        titles: vec![("en".into(), "Tea & <Stars>".into()), ("ko".into(), "차와 별".into())],
        state: EventState::Open,
        time_zone: "Asia/Seoul".into(),
        opens_at: Some(NOW + 2 * HOUR_MS),
        return_url: None,
        queue_only: false,
        slots: vec![
            slot("1100", 0, 20, 12),
            slot("1200", 1, 20, 0),
            slot("1300", 2, 20, 2),
            slot("1100-2", 24, 20, 16),
            slot("1200-2", 25, 20, 0),
            slot("1300-2", 26, 20, 0),
        ],
        seats_per_ticket: 4,
        serving: 1_234,
        total: 5_000,
        rate: 60,
        sold_out: false,
    }
}

pub(super) fn queue_only() -> Event {
    let return_url = Some("https://shop.example/in?a=1#top".into());
    Event { slots: Vec::new(), queue_only: true, return_url, ..event() }
}

pub(super) fn model(place: Place) -> PageModel {
    let lang = LANGUAGES[0];
    PageModel { lang, event: event(), place, problem: None, seen: None, now: NOW }
}

pub(super) fn ticket(state: TicketState) -> Ticket {
    let id = "8b2f3c1e-0000-8000-8000-0123456789ab".into();
    Ticket { id, attempt: 1, state, last_seq: 4 }
}

pub(super) fn waiting() -> Place {
    let (position, ahead, eta_secs) = (2_468, 1_233, Some(1_234));
    Place::Held(ticket(TicketState::Waiting { position, ahead, eta_secs }))
}

pub(super) fn inside() -> Place {
    let (until, pass) = (NOW + 540_000, Some("ey.J0.x".into()));
    Place::Held(ticket(TicketState::Inside { until, pass }))
}

pub(super) fn holding() -> Place {
    let hold = Hold { slot: "1100".into(), seats: 2, until: NOW + 283_000 };
    Place::Held(ticket(TicketState::Holding { hold, until: Some(NOW + 540_000), pass: None }))
}

pub(super) fn booked() -> Place {
    let (number, slot) = ("4711-3".into(), "1100".into());
    let booking = Booking { number, slot, seats: 2, reference: None };
    Place::Held(ticket(TicketState::Booked(booking)))
}
