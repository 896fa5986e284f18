//! The slots by day, as cards with a radio button each, and the picker of seats.

use super::{
    model::{Event, Slot},
    template::Out,
    times::{Times, iso},
    view::View,
};

/// A slot counts as nearly gone at this many seats, or at a tenth of its capacity.
const FEW_SEATS: u32 = 3;

/// Most seats offered as buttons in a row; above, a list.
const SEAT_BUTTONS_MAX: u32 = 6;

pub(super) struct Slots<'a> {
    pub(super) event: &'a Event,
    pub(super) times: &'a Times,
    pub(super) texts: &'static super::lang::Texts,
    pub(super) view: View,
    /// The slot of the shopper's hold.
    pub(super) own: Option<&'a str>,
}

impl Slots<'_> {
    pub(super) fn put(&self, out: &mut Out) {
        let mut day = String::new();
        for slot in &self.event.slots {
            let date = self.times.date(slot.starts_at);
            if date != day {
                out.literal(if day.is_empty() { "" } else { "</ul>" });
                out.literal("<h3>").text(&date).literal("</h3><ul>");
                day = date;
            }
            self.card(slot, out);
        }
        out.literal(if day.is_empty() { "" } else { "</ul>" });
    }

    fn card(&self, slot: &Slot, out: &mut Out) {
        let own = self.own == Some(&slot.id);
        let gone = slot.remaining == Some(0);
        out.literal("<li><label data-slot=\"").text(&slot.id);
        out.literal("\" data-when=\"").text(&self.times.full(slot.starts_at));
        out.literal(match (own, gone, self.few(slot)) {
            (true, ..) => "\" class=\"own\">",
            (_, true, _) => "\" class=\"gone\">",
            (_, _, true) => "\" class=\"few\">",
            _ => "\">",
        });
        out.literal("<input type=\"radio\" name=\"slot\" required value=\"").text(&slot.id);
        out.literal("\"").literal(if own { " checked" } else { "" });
        out.literal(if gone && !own { " disabled" } else { "" });
        out.literal("><time datetime=\"").text(&iso(slot.starts_at)).literal("\">");
        out.text(&self.times.minute(slot.starts_at)).literal("</time>");
        out.literal("<span class=\"left\">").text(&self.left(slot, own)).literal("</span>");
        out.literal("<progress aria-hidden=\"true\" max=\"").number(slot.capacity.max(1));
        out.literal("\" value=\"").number(slot.remaining.unwrap_or(0));
        out.literal("\"></progress></label></li>");
    }

    fn few(&self, slot: &Slot) -> bool {
        slot.remaining.is_some_and(|left| left <= FEW_SEATS.max(slot.capacity / 10))
    }

    fn left(&self, slot: &Slot, own: bool) -> String {
        let Some(left) = slot.remaining else { return self.texts.unknown.to_owned() };
        if own {
            return self.texts.yours.to_owned();
        }
        let text = match left {
            0 => self.texts.gone,
            _ if self.few(slot) => self.texts.few,
            _ => self.texts.left,
        };
        text.replace("{n}", &self.texts.number(left))
    }

    /// Radio buttons or a list of 1 to `seats_per_ticket`.
    pub(super) fn put_seats(&self, chosen: u32, out: &mut Out) {
        let most = self.event.seats_per_ticket;
        if most <= 1 {
            out.literal("<input type=\"hidden\" name=\"seats\" value=\"1\">");
        } else if most <= SEAT_BUTTONS_MAX {
            self.put_seat_buttons(most, chosen, out);
        } else {
            self.put_seat_list(most, chosen, out);
        }
    }

    fn put_seat_buttons(&self, most: u32, chosen: u32, out: &mut Out) {
        out.literal("<div class=\"seats\" role=\"radiogroup\" aria-label=\"");
        out.text(self.texts.seats).literal("\"><span aria-hidden=\"true\">");
        out.text(self.texts.seats).literal("</span>");
        for n in 1..=most {
            out.literal("<label><input type=\"radio\" name=\"seats\" value=\"").number(n);
            out.literal(if n == chosen { "\" checked>" } else { "\">" });
            out.literal("<b>").number(n).literal("</b></label>");
        }
        out.literal("</div>");
    }

    fn put_seat_list(&self, most: u32, chosen: u32, out: &mut Out) {
        out.literal("<label class=\"seats\">").text(self.texts.seats);
        out.literal(" <select name=\"seats\">");
        for n in 1..=most {
            out.literal(if n == chosen { "<option selected>" } else { "<option>" });
            out.number(n).literal("</option>");
        }
        out.literal("</select></label>");
    }

    pub(super) fn title(&self) -> &'static str {
        match self.view {
            View::Inside => self.texts.choose,
            View::Holding => self.texts.change,
            _ => self.texts.look,
        }
    }
}
