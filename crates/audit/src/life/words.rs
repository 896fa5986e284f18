//! What happened to a ticket, as a sentence.

use domain::{Action, Command, Event, Millis, Outcome, Phase, Refusal, TicketId, Told};
use wire::{Code, names, ticket, time};

/// The sentence for what was told; `waited`: since it joined, in milliseconds.
pub(super) fn step(
    event: &Event,
    asked: Option<&Command>,
    told: &Told,
    waited: Option<Millis>,
) -> String {
    let happened = happened(event, told, waited);
    let Some(asked) = asked.map(request) else { return capital(&happened) };
    let again = match (told.fresh, told.seq, &told.outcome) {
        (true, ..) => "",
        (_, Some(_), Outcome::Refused { .. }) | (_, None, Outcome::Refused { .. }) => "",
        (false, Some(_), _) => " once more and got the same answer",
        (false, None, _) => " and was told how it stands",
    };
    let number = told.seq.map(|seq| format!(" (number {seq})")).unwrap_or_default();
    capital(&format!("{asked}{number}{again}: {happened}."))
}

/// What a command asked for.
fn request(command: &Command) -> String {
    let Command::Act { action, .. } = command else {
        return match command {
            Command::Join { previous: Some(previous), .. } => {
                format!("joined again after ticket {}", ticket::text(*previous))
            }
            _ => "joined".to_owned(),
        };
    };
    match action {
        Action::Enter => "said \"I am here\"".to_owned(),
        Action::Hold { slot, seats } => format!("asked to hold {} of slot {slot}", count(*seats)),
        Action::Release => "gave its seats back".to_owned(),
        Action::Book { .. } => "asked to book what it held".to_owned(),
        Action::Cancel => "cancelled its booking".to_owned(),
        Action::Leave => "left".to_owned(),
    }
}

fn happened(event: &Event, told: &Told, waited: Option<Millis>) -> String {
    let by = |until: Millis| time::format(event.time().expected(until));
    match &told.outcome {
        Outcome::Waiting { position } => {
            let ahead = event.ahead(*position);
            let line = format!("place {position}, {}", people_ahead(ahead));
            if told.fresh { format!("it got {line}") } else { format!("it waited at {line}") }
        }
        Outcome::Admitted { until } if told.address.is_none() => format!(
            "It was its turn{}: everyone before it had been let in or had left. It had until {} to say \"I am here\".",
            waited.map(|waited| format!(" after {}", span(waited))).unwrap_or_default(),
            by(*until)
        ),
        Outcome::Admitted { until } => format!("it was its turn until {}", by(*until)),
        Outcome::Inside { until } => format!("it was inside until {}", by(*until)),
        Outcome::Held { hold } => {
            format!("it held {} of slot {} until {}", count(hold.seats), hold.slot, by(hold.until))
        }
        Outcome::Released { until, ran_out: true } => {
            format!("Its hold ran out, the seats went back. It stayed inside until {}.", by(*until))
        }
        Outcome::Released { until, ran_out: false } => {
            format!("it held no seats and was inside until {}", by(*until))
        }
        Outcome::Booked { booking } => format!(
            "it booked {} of slot {}, number {}",
            count(booking.seats),
            booking.slot,
            names::booking(booking.id)
        ),
        Outcome::Cancelled => "the booking ended, the seats went back".to_owned(),
        Outcome::Left => "it gave its place up".to_owned(),
        Outcome::Expired if told.address.is_none() => expired(event, told),
        Outcome::Expired => "its time was over".to_owned(),
        Outcome::Followed { next } => {
            format!("Its shopper joined again; ticket {} counts from now on.", ticket::text(*next))
        }
        Outcome::Refused { refusal } => refused(event, *refusal),
        // The event's own; they name no ticket.
        Outcome::Operated { .. } | Outcome::Owned { .. } => "the event changed".to_owned(),
    }
}

fn expired(event: &Event, told: &Told) -> String {
    let detail = told.ticket.and_then(|id| event.ticket(id)).and_then(|(_, _, detail)| detail);
    match detail.is_some_and(|detail| detail.entered) {
        true => "Its time inside was over; seats that it only held went back.".to_owned(),
        false => "It did not say \"I am here\" in time, so its turn was over.".to_owned(),
    }
}

/// Why nothing changed.
fn refused(event: &Event, refusal: Refusal) -> String {
    let code = Code::from(refusal);
    let why = match refusal {
        Refusal::StaleSeq { current } => format!("; number {current} had come before"),
        Refusal::NotEnoughSeats => {
            let free =
                |slot: &domain::seats::SlotSeats| format!("{} {}", slot.id, slot.remaining());
            let free: Vec<String> = event.seats().slots().iter().map(free).collect();
            format!("; after that record the slots had free: {}", free.join(", "))
        }
        Refusal::EventNotOpen | Refusal::WrongState => {
            format!("; the event was {}", names::event_state(event.state()))
        }
        _ => String::new(),
    };
    format!("refused as {}: {}{why}", code.as_str(), code.title())
}

/// How it stands at the end of the log.
pub(super) fn now(event: &Event, id: TicketId, unheard: bool) -> String {
    let Some((position, ticket, detail)) = event.ticket(id) else {
        return match unheard {
            true => "No command of this log names it.".to_owned(),
            false => "It never got a place.".to_owned(),
        };
    };
    let detail = detail.cloned().unwrap_or_default();
    let by = |until: Millis| time::format(event.time().expected(until));
    let state = match ticket.phase {
        Phase::Waiting => format!("it waited, {}", people_ahead(event.ahead(position))),
        Phase::Admitted => format!("it was its turn until {}", by(detail.until)),
        Phase::Inside => format!("it was inside until {}", by(detail.until)),
        Phase::Holding => "it held seats".to_owned(),
        Phase::Booked => match detail.booking {
            Some(booking) => format!("it had booked, number {}", names::booking(booking.id)),
            None => "it had booked".to_owned(),
        },
        Phase::Left => "it had left".to_owned(),
        Phase::Expired => "its time was over".to_owned(),
        Phase::Cancelled => "it had cancelled".to_owned(),
    };
    format!("At the end of the log {state} (place {position}, attempt {}).", detail.attempt + 1)
}

fn people_ahead(ahead: u32) -> String {
    match ahead {
        0 => "nobody ahead of it waited".to_owned(),
        1 => "at most 1 ahead of it waited".to_owned(),
        _ => format!("at most {ahead} ahead of it waited"),
    }
}

fn count(seats: u32) -> String {
    if seats == 1 { "1 seat".to_owned() } else { format!("{seats} seats") }
}

fn span(millis: Millis) -> String {
    let secs = millis / 1_000;
    match secs {
        0..=119 => format!("{secs} s"),
        120..=7_199 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3_600, secs % 3_600 / 60),
    }
}

/// A sentence begins with a capital letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
