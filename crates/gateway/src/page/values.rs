//! The value of every name in `web/page/page.html`.

use super::{
    assets,
    island::island,
    model::{Booking, Hold, PageModel, Place, Problem, Ticket, TicketState},
    slots::Slots,
    template::{Fill, Out},
    times::{Times, city},
    view::View,
};

/// While waiting without JavaScript the page asks again after 5 to 10 s, spread over the crowd.
const REFRESH_SECS_MIN: i64 = 5;
const REFRESH_SECS_SPREAD: i64 = 6;

/// Steps of the progress bar.
const PROGRESS_STEPS: u64 = 1_000;

pub(super) struct Values<'a> {
    model: &'a PageModel,
    view: View,
    times: Times,
    title: &'a str,
    title_lang: &'a str,
}

impl<'a> Values<'a> {
    pub(super) fn new(model: &'a PageModel) -> Self {
        let titles = &model.event.titles;
        let in_lang = |lang: &str| titles.iter().find(|(tag, _)| tag == lang);
        let best = in_lang(model.lang.lang).or_else(|| in_lang("en")).or(titles.first());
        let (title_lang, title) = best.map_or(("", ""), |(tag, text)| (tag, text));
        Self {
            view: View::of(&model.event, &model.place),
            times: Times::new(&model.event.time_zone, model.lang),
            model,
            title,
            title_lang,
        }
    }

    fn ticket(&self) -> Option<&'a Ticket> {
        match &self.model.place {
            Place::Held(ticket) => Some(ticket),
            Place::Unknown | Place::None => None,
        }
    }

    fn state(&self) -> Option<&'a TicketState> {
        self.ticket().map(|ticket| &ticket.state)
    }

    fn hold(&self) -> Option<&'a Hold> {
        match self.state() {
            Some(TicketState::Holding { hold, .. }) => Some(hold),
            _ => None,
        }
    }

    fn booking(&self) -> Option<&'a Booking> {
        match self.state() {
            Some(TicketState::Booked(booking)) => Some(booking),
            _ => None,
        }
    }

    /// End of the turn or of the window.
    fn until(&self) -> Option<i64> {
        match self.state() {
            Some(TicketState::Admitted { until } | TicketState::Inside { until, .. }) => {
                Some(*until)
            }
            Some(TicketState::Holding { until, .. }) => *until,
            _ => None,
        }
    }

    fn waiting(&self) -> (u32, u32, Option<u64>) {
        match self.state() {
            Some(TicketState::Waiting { position, ahead, eta_secs }) => {
                (*position, *ahead, *eta_secs)
            }
            _ => (0, 0, None),
        }
    }

    fn progress(&self) -> u64 {
        let (position, ahead, _) = self.waiting();
        let before = u64::from(position.saturating_sub(1));
        let passed = before.saturating_sub(u64::from(ahead));
        (passed * PROGRESS_STEPS).checked_div(before).unwrap_or(PROGRESS_STEPS)
    }

    fn next_attempt(&self) -> u32 {
        self.ticket().map_or(0, |t| t.attempt.saturating_add(u32::from(t.state.ended())))
    }

    fn next_seq(&self) -> u32 {
        self.ticket().map_or(1, |ticket| ticket.last_seq.saturating_add(1))
    }

    fn slot_name(&self, id: &str) -> String {
        let slot = self.model.event.slots.iter().find(|slot| slot.id == id);
        slot.map_or_else(|| id.to_owned(), |slot| self.times.full(slot.starts_at))
    }

    fn seats_left(&self) -> Option<u32> {
        let remaining = self.model.event.slots.iter().map(|slot| slot.remaining);
        remaining.sum::<Option<u32>>().filter(|_| !self.model.event.queue_only)
    }

    fn left(&self, until: Option<i64>) -> String {
        until.map(|until| self.times.left(until - self.model.now)).unwrap_or_default()
    }

    /// Where the shopper's page is, with what it has seen.
    fn here(&self) -> String {
        let seen = self.model.seen.map(|seen| format!("?seen={seen}")).unwrap_or_default();
        format!("/e/{}{seen}", self.model.event.id)
    }

    /// Where a queue-only event sends those it lets in.
    fn onward(&self) -> Option<String> {
        let web = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
        let url = self.model.event.return_url.as_ref().filter(web)?;
        let Some(TicketState::Inside { pass: Some(pass), .. }) = self.state() else { return None };
        let (url, fragment) = url.split_once('#').map_or((&**url, None), |(u, f)| (u, Some(f)));
        let join = if url.contains('?') { '&' } else { '?' };
        let tail = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
        Some(format!("{url}{join}twinkle_pass={pass}{tail}"))
    }

    /// Something is to come that the shopper need not ask for.
    fn asks_again(&self) -> bool {
        use View::{Admitted, Finding, Registered, Soon, Waiting};
        matches!(self.view, Finding | Soon | Registered | Waiting | Admitted)
            || (self.view == View::Pass && self.onward().is_none())
    }

    /// Seconds until a page without JavaScript asks again; `None` = it stays as it is.
    fn refresh_secs(&self) -> Option<i64> {
        let now = self.model.now;
        let after = |at: i64| (at - now).max(0) / 1_000 + 1;
        let soon = REFRESH_SECS_MIN + now.rem_euclid(REFRESH_SECS_SPREAD);
        match self.view {
            _ if self.asks_again() => Some(soon),
            View::Inside | View::Pass => self.until().map(after),
            View::Holding => self.hold().map(|hold| after(hold.until)),
            _ => None,
        }
    }

    fn page_title(&self) -> String {
        let texts = self.model.lang;
        let of = |text: &str| text.replace("{title}", self.title);
        match self.view {
            View::Waiting => {
                of(&texts.title_waiting.replace("{ahead}", &texts.number(self.waiting().1)))
            }
            View::Admitted | View::Inside | View::Pass => of(texts.title_turn),
            View::Holding => of(texts.title_holding),
            _ => self.title.to_owned(),
        }
    }

    fn ended(&self) -> (&'static str, &'static str) {
        let texts = self.model.lang;
        match self.state() {
            Some(TicketState::Expired) => (texts.ended_expired, texts.ended_expired_more),
            Some(TicketState::Cancelled) => (texts.ended_cancelled, texts.ended_cancelled_more),
            _ => (texts.ended_left, texts.ended_left_more),
        }
    }

    fn problem(&self) -> Option<(&'a str, &'a str)> {
        let Problem { code, detail } = self.model.problem.as_ref()?;
        let own = self.model.lang.problem(code);
        Some(own.map_or((&**detail, "en"), |text| (text, self.model.lang.lang)))
    }

    fn slots(&self) -> Slots<'_> {
        Slots {
            event: &self.model.event,
            times: &self.times,
            texts: self.model.lang,
            view: self.view,
            own: self.hold().map(|hold| &*hold.slot),
        }
    }

    fn shown(&self, name: &str) -> bool {
        let event = &self.model.event;
        match name {
            "problem" => self.problem().is_some(),
            "paused" => event.state == super::EventState::Paused && self.view != View::Booked,
            "sold_out" => event.sold_out && matches!(self.view, View::Join | View::Waiting),
            "opens" => event.opens_at.is_some(),
            "waiting_opens" => {
                event.opens_at.is_some() && event.state == super::EventState::Prequeue
            }
            "onward" => self.onward().is_some(),
            "again" => event.state.joinable(),
            "slots" => !event.queue_only && !event.state.over() && self.view.shows_slots(),
            "asks" => self.asks_again(),
            "bar" => self.view.chooses(),
            "closing" => event.state.over() && self.view == View::Holding,
            "cancel" => self.view == View::Booked && event.state != super::EventState::Archived,
            "leave" => self.view.can_leave(),
            view => self.view.name() == view,
        }
    }

    fn put_html(&self, name: &str, out: &mut Out) -> bool {
        match name {
            "refresh" => {
                if let Some(secs) = self.refresh_secs().and_then(|secs| u64::try_from(secs).ok()) {
                    out.literal("<noscript><meta http-equiv=\"refresh\" content=\"").number(secs);
                    out.literal(";url=").text(&self.here()).literal("\"></noscript>");
                }
            }
            "slots" => self.slots().put(out),
            "seats" => self.slots().put_seats(self.hold().map_or(1, |hold| hold.seats), out),
            "model" => {
                out.json(&island(self.model, self.title));
            }
            _ => return false,
        }
        true
    }

    fn value(&self, name: &str) -> Option<String> {
        let texts = self.model.lang;
        let event = &self.model.event;
        let (position, ahead, eta) = self.waiting();
        Some(match name {
            "lang" => texts.lang.to_owned(),
            "dir" => texts.dir.to_owned(),
            "view" => self.view.name().to_owned(),
            "page_title" => self.page_title(),
            "title" => self.title.to_owned(),
            "title_lang" => self.title_lang.to_owned(),
            "asset_script" => assets::script().to_owned(),
            "asset_style" => assets::style().to_owned(),
            "asset_icon" => assets::icon().to_owned(),
            "path" => format!("/e/{}", event.id),
            "here" => self.here(),
            "next_seq" => self.next_seq().to_string(),
            "next_attempt" => self.next_attempt().to_string(),
            "problem" => self.problem().unwrap_or_default().0.to_owned(),
            "problem_lang" => self.problem().unwrap_or(("", texts.lang)).1.to_owned(),
            "in_line" => texts.number(event.total.saturating_sub(event.serving)),
            "position" => texts.number(position),
            "position_length" => texts.number(position).chars().count().to_string(),
            "ahead" => texts.number(ahead),
            "eta" => self.times.span(eta),
            "progress" => self.progress().to_string(),
            "left" => self.seats_left().map_or(texts.unknown.to_owned(), |n| texts.number(n)),
            "opens_at" => event.opens_at.map(|at| self.times.full(at)).unwrap_or_default(),
            "opens_left" => self.left(event.opens_at),
            "until" => self.until().map(|at| self.times.second(at)).unwrap_or_default(),
            "until_left" => self.left(self.until()),
            "onward" => self.onward().unwrap_or_default(),
            "ended" => self.ended().0.to_owned(),
            "ended_more" => self.ended().1.to_owned(),
            "slots_title" => self.slots().title().to_owned(),
            "hold_do" if self.hold().is_some() => texts.swap_do.to_owned(),
            "hold_do" => texts.hold_do.to_owned(),
            "zone" => city(&event.time_zone),
            _ => return self.value_of_seats(name),
        })
    }

    fn value_of_seats(&self, name: &str) -> Option<String> {
        let number = |seats: u32| self.model.lang.number(seats);
        let of_hold = |f: &dyn Fn(&Hold) -> String| self.hold().map(f).unwrap_or_default();
        let of_booking = |f: &dyn Fn(&Booking) -> String| self.booking().map(f).unwrap_or_default();
        Some(match name {
            "hold_left" => self.left(self.hold().map(|hold| hold.until)),
            "hold_until" => of_hold(&|hold| self.times.second(hold.until)),
            "hold_slot" => of_hold(&|hold| self.slot_name(&hold.slot)),
            "hold_seats" => of_hold(&|hold| number(hold.seats)),
            "booked_slot" => of_booking(&|booking| self.slot_name(&booking.slot)),
            "booked_seats" => of_booking(&|booking| number(booking.seats)),
            "booking" => of_booking(&|booking| booking.number.clone()),
            _ => return None,
        })
    }
}

impl Fill for Values<'_> {
    fn put(&self, name: &str, out: &mut Out) -> bool {
        if let Some(name) = name.strip_prefix("hide_") {
            out.hidden_unless(self.shown(name));
            return true;
        }
        if let Some(name) = name.strip_prefix("html_") {
            return self.put_html(name, out);
        }
        if name == "off_slots" {
            out.literal(if self.view.chooses() { "" } else { " disabled" });
            return true;
        }
        let text = name.strip_prefix("t_").and_then(|name| self.model.lang.get(name));
        let value = text.map(str::to_owned).or_else(|| self.value(name));
        value.as_deref().is_some_and(|value| {
            out.text(value);
            true
        })
    }
}
