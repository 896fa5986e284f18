//! What the role counts: its own work, and what its events look like.

use domain::{Event, EventId, EventState, Phase};
use meters::{Meter, count, gauge, histogram};
use metrics::{Counter, Gauge, Histogram};
use ports::Record;
use wire::view::Standing;

const MS_PER_SEC: f64 = 1_000.0;

/// Phases that people look at.
const PHASES: [(Phase, &str); 5] = [
    (Phase::Waiting, "waiting"),
    (Phase::Admitted, "admitted"),
    (Phase::Inside, "inside"),
    (Phase::Holding, "holding"),
    (Phase::Booked, "booked"),
];

/// The role's metrics. Who owns an event tells of its people and seats; the others say 0, or NaN
/// where 0 would mean something: take the `max by (event)`.
pub const METERS: &[Meter] = &[
    count("twinkle_worker_commands_total", "commands", "", "Commands folded, of all events"),
    gauge("twinkle_worker_halted_events", "events", "", "Events left to a newer release"),
    count("twinkle_worker_rebuilds_total", "views", "", "Views built anew"),
    count("twinkle_worker_fenced_total", "writes", "", "Writes refused because of a newer owner"),
    count(
        "twinkle_worker_projections_total",
        "steps",
        "result",
        "Steps of the projection, by what came of them",
    ),
    histogram(
        "twinkle_worker_projection_tickets",
        "tickets",
        "",
        "Tickets that one step of the projection carries",
    ),
    histogram(
        "twinkle_worker_fold_delay_seconds",
        "seconds",
        "",
        "Age of a new record when it is folded",
    ),
    gauge("twinkle_worker_owner", "0 or 1", "event", "Whether this worker owns the event"),
    gauge("twinkle_worker_projected_offset", "offset", "event", "How far the owner has projected"),
    gauge(
        "twinkle_worker_lag_records",
        "records",
        "event",
        "Records that are not folded yet, or at its owner: not projected yet",
    ),
    gauge(
        "twinkle_worker_lag_seconds",
        "seconds",
        "event",
        "Age of the oldest command that its owner has not projected",
    ),
    gauge(
        "twinkle_worker_tick_timestamp_seconds",
        "seconds since 1970",
        "event",
        "Append time of the last tick of the event's owner",
    ),
    count(
        "twinkle_invariant_violations_total",
        "records",
        "event",
        "Records after which an invariant did not hold: must stay 0",
    ),
    gauge("twinkle_event_running", "0 or 1", "event", "In prequeue, open or paused"),
    gauge(
        "twinkle_event_opens_timestamp_seconds",
        "seconds since 1970",
        "event",
        "When it opens by itself; NaN: no such time",
    ),
    gauge("twinkle_event_people", "people", "event, phase", "People in a phase"),
    gauge("twinkle_event_admission_rate", "people a minute", "event", "People let in of late"),
    gauge(
        "twinkle_event_eta_seconds",
        "seconds",
        "event",
        "How long somebody who joins now will wait; NaN: nobody is let in",
    ),
    gauge("twinkle_event_seats", "seats", "event, slot, state", "Seats free, held or sold"),
];

/// Handles for one event, made once.
pub(crate) struct Meters {
    event: String,
    pub(crate) commands: Counter,
    pub(crate) halted: Gauge,
    pub(crate) rebuilds: Counter,
    pub(crate) fenced: Counter,
    pub(crate) done: Counter,
    pub(crate) unreachable: Counter,
    pub(crate) unexpected: Counter,
    pub(crate) batch: Histogram,
    fold_delay: Histogram,
    owner: Gauge,
    pub(crate) projected: Gauge,
    lag_records: Gauge,
    lag_seconds: Gauge,
    tick: Gauge,
    violations: Counter,
    running: Gauge,
    opens: Gauge,
    people: [Gauge; PHASES.len()],
    rate: Gauge,
    eta: Gauge,
    seats: Vec<Seats>,
}

/// The gauges of one slot.
struct Seats {
    slot: String,
    free: Gauge,
    held: Gauge,
    sold: Gauge,
}

impl Meters {
    pub(crate) fn new(event: &EventId) -> Self {
        let event = event.to_string();
        let of_event = |name: &'static str| metrics::gauge!(name, "event" => event.clone());
        let steps =
            |result| metrics::counter!("twinkle_worker_projections_total", "result" => result);
        let people = |(_, phase): (Phase, &'static str)| metrics::gauge!("twinkle_event_people", "event" => event.clone(), "phase" => phase);
        Self {
            commands: metrics::counter!("twinkle_worker_commands_total"),
            halted: metrics::gauge!("twinkle_worker_halted_events"),
            rebuilds: metrics::counter!("twinkle_worker_rebuilds_total"),
            fenced: metrics::counter!("twinkle_worker_fenced_total"),
            done: steps("done"),
            unreachable: steps("unreachable"),
            unexpected: steps("unexpected"),
            batch: metrics::histogram!("twinkle_worker_projection_tickets"),
            fold_delay: metrics::histogram!("twinkle_worker_fold_delay_seconds"),
            owner: of_event("twinkle_worker_owner"),
            projected: of_event("twinkle_worker_projected_offset"),
            lag_records: of_event("twinkle_worker_lag_records"),
            lag_seconds: of_event("twinkle_worker_lag_seconds"),
            tick: of_event("twinkle_worker_tick_timestamp_seconds"),
            violations: metrics::counter!(
                "twinkle_invariant_violations_total", "event" => event.clone()
            ),
            running: of_event("twinkle_event_running"),
            opens: of_event("twinkle_event_opens_timestamp_seconds"),
            people: PHASES.map(people),
            rate: of_event("twinkle_event_admission_rate"),
            eta: of_event("twinkle_event_eta_seconds"),
            seats: Vec::new(),
            event,
        }
    }

    /// A record was folded that had not been there when following began.
    pub(crate) fn folded_live(&self, record: &Record, now: u64) {
        self.fold_delay.record(now.saturating_sub(record.at) as f64 / MS_PER_SEC);
    }

    pub(crate) fn ticked(&self, record: &Record) {
        self.tick.set(record.at as f64 / MS_PER_SEC);
    }

    /// What must never happen.
    pub(crate) fn violated(&self) {
        self.violations.increment(1);
    }

    /// What every worker knows of the event.
    pub(crate) fn stands(&self, event: &Event, owns: bool) {
        self.owner.set(f64::from(owns));
        self.running.set(f64::from(event.state().joinable()));
        let opens = event.definition().and_then(|definition| definition.opens_at);
        let opens = opens.filter(|_| event.state() != EventState::Archived);
        self.opens.set(opens.map_or(f64::NAN, |at| at as f64 / MS_PER_SEC));
    }

    pub(crate) fn lags(&self, records: u64, millis: u64) {
        self.lag_records.set(records as f64);
        self.lag_seconds.set(millis as f64 / MS_PER_SEC);
    }

    /// What its owner has projected.
    pub(crate) fn shows(&mut self, event: &Event) {
        for (gauge, (phase, _)) in self.people.iter().zip(PHASES) {
            gauge.set(f64::from(event.order().count(phase)));
        }
        let rate = event.rate_per_min();
        self.rate.set(f64::from(rate));
        let moving = rate > 0 && !event.sold_out();
        let standing = Standing { serving: event.order().serving(), rate: moving.then_some(rate) };
        let eta = standing.eta_secs(event.order().total() + 1);
        self.eta.set(eta.map_or(f64::NAN, |secs| secs as f64));
        self.show_seats(event);
    }

    fn show_seats(&mut self, event: &Event) {
        let slots = event.seats().slots();
        let same = slots.len() == self.seats.len()
            && slots.iter().zip(&self.seats).all(|(slot, seats)| slot.id.as_str() == seats.slot);
        if !same {
            self.forget_seats();
            let seats = slots.iter().map(|slot| Seats::new(&self.event, slot.id.as_str()));
            self.seats = seats.collect();
        }
        for (slot, seats) in slots.iter().zip(&self.seats) {
            seats.set(slot.remaining(), slot.held, slot.sold);
        }
    }

    fn forget_seats(&self) {
        self.seats.iter().for_each(|seats| seats.set(0, 0, 0));
    }

    /// This worker has no more to do with the event.
    pub(crate) fn leaves(&self) {
        self.hides();
        self.owner.set(0.0);
        self.running.set(0.0);
        self.opens.set(f64::NAN);
        self.lags(0, 0);
    }

    /// Another worker tells of the event from now on.
    pub(crate) fn hides(&self) {
        self.people.iter().for_each(|gauge| gauge.set(0.0));
        self.rate.set(0.0);
        self.eta.set(f64::NAN);
        self.forget_seats();
    }
}

impl Seats {
    fn new(event: &str, slot: &str) -> Self {
        let of = |state: &'static str| {
            let (event, slot) = (event.to_owned(), slot.to_owned());
            metrics::gauge!("twinkle_event_seats", "event" => event, "slot" => slot, "state" => state)
        };
        Self { slot: slot.to_owned(), free: of("free"), held: of("held"), sold: of("sold") }
    }

    fn set(&self, free: u32, held: u32, sold: u32) {
        self.free.set(f64::from(free));
        self.held.set(f64::from(held));
        self.sold.set(f64::from(sold));
    }
}
