//! One shopper inside a sale: which command comes next, whatever is told. No I/O and no clock.

use super::plan::Plan;
use crate::{
    dice::Dice,
    model::{answers::Known, frames::Kind},
};

/// How often someone tries to hold seats before they give up.
const HOLDS_MAX: u32 = 4;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Enter,
    /// `slot`: index into the event's slots.
    Hold {
        slot: usize,
        seats: u32,
    },
    Release,
    Book,
    Cancel,
    Leave,
}

impl Ask {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Enter => "entry",
            Self::Hold { .. } => "hold",
            Self::Release => "release",
            Self::Book => "booking",
            Self::Cancel => "cancel",
            Self::Leave => "leave",
        }
    }

    /// Method and path after the event's.
    pub fn call(&self) -> (&'static str, &'static str) {
        match self {
            Self::Enter => ("POST", "/entry"),
            Self::Hold { .. } => ("PUT", "/hold"),
            Self::Release => ("DELETE", "/hold"),
            Self::Book => ("PUT", "/booking"),
            Self::Cancel => ("DELETE", "/booking"),
            Self::Leave => ("DELETE", "/ticket"),
        }
    }
}

/// What comes after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Ask(Ask),
    /// Nothing: time is to run out.
    Wait,
    /// The shopper goes home; how it ended.
    Home(&'static str),
}

/// What the event offers.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    pub slots: usize,
    pub seats_per_ticket: u32,
}

#[derive(Debug)]
pub struct Shopper {
    pub plan: Plan,
    pub dice: Dice,
    offer: Offer,
    holds: u32,
    swapped: bool,
}

impl Shopper {
    pub fn new(seed: u64, n: u64, offer: Offer) -> Self {
        let mut dice = Dice::of(seed, n);
        let plan = Plan::of(&mut dice);
        Self { plan, dice, offer, holds: 0, swapped: false }
    }

    /// Let in.
    pub fn admitted(&self) -> Next {
        if self.plan.no_show { Next::Wait } else { Next::Ask(Ask::Enter) }
    }

    /// After the answer to a command.
    pub fn answered(&mut self, ask: &Ask, known: &Known) -> Next {
        match known.kind {
            Kind::Inside if self.plan.dawdles_inside => Next::Wait,
            Kind::Inside => self.hold(),
            Kind::Held => self.held(),
            Kind::Booked if self.plan.cancels => Next::Ask(Ask::Cancel),
            Kind::Booked => Next::Home("booked"),
            Kind::Released => Next::Ask(Ask::Leave),
            Kind::Cancelled => Next::Home("cancelled"),
            Kind::Left => Next::Home("left"),
            Kind::Expired => Next::Home("expired"),
            _ => self.refused(ask, known),
        }
    }

    fn hold(&mut self) -> Next {
        let queue_only = self.offer.slots == 0;
        if queue_only || self.holds >= HOLDS_MAX {
            return Next::Ask(Ask::Leave);
        }
        self.holds += 1;
        let slot = self.dice.between(0, self.offer.slots as u64) as usize;
        let seats = self.dice.between(1, u64::from(self.offer.seats_per_ticket) + 1);
        Next::Ask(Ask::Hold { slot, seats: seats as u32 })
    }

    fn held(&mut self) -> Next {
        if self.plan.swaps && !std::mem::replace(&mut self.swapped, true) {
            return self.hold();
        }
        match self.plan {
            Plan { dawdles_holding: true, .. } => Next::Wait,
            Plan { releases: true, .. } => Next::Ask(Ask::Release),
            _ => Next::Ask(Ask::Book),
        }
    }

    fn refused(&mut self, ask: &Ask, known: &Known) -> Next {
        let over = ["turn_expired", "window_over", "ticket_ended", "event_archived"];
        if over.iter().any(|code| known.is_refused(code)) {
            return Next::Home("expired");
        }
        match ask {
            // What was held before is kept, but another slot may have more.
            Ask::Hold { .. } => self.hold(),
            Ask::Book => self.hold(),
            Ask::Leave => Next::Home("stays"),
            _ => Next::Ask(Ask::Leave),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::frames::Frame;

    const OFFER: Offer = Offer { slots: 3, seats_per_ticket: 2 };

    fn shopper(plan: Plan) -> Shopper {
        Shopper { plan, ..Shopper::new(1, 1, OFFER) }
    }

    fn told(kind: &str) -> Known {
        let text = format!(r#"{{"type":"{kind}"}}"#);
        Known::from(&Frame::read(text.as_bytes()).unwrap())
    }

    fn is_hold(next: &Next) -> bool {
        matches!(next, Next::Ask(Ask::Hold { slot: 0..3, seats: 1..=2 }))
    }

    #[test]
    fn most_go_straight_to_a_booking() {
        let mut one = shopper(Plan::default());
        assert_eq!(one.admitted(), Next::Ask(Ask::Enter));
        assert!(is_hold(&one.answered(&Ask::Enter, &told("inside"))));
        assert_eq!(one.answered(&Ask::Leave, &told("held")), Next::Ask(Ask::Book));
        assert_eq!(one.answered(&Ask::Book, &told("booked")), Next::Home("booked"));
    }

    #[test]
    fn some_do_something_else() {
        let default = Plan::default();
        assert_eq!(shopper(Plan { no_show: true, ..default }).admitted(), Next::Wait);
        let mut swaps = shopper(Plan { swaps: true, releases: true, ..default });
        assert!(is_hold(&swaps.answered(&Ask::Enter, &told("held"))));
        assert_eq!(swaps.answered(&Ask::Enter, &told("held")), Next::Ask(Ask::Release));
        assert_eq!(swaps.answered(&Ask::Release, &told("released")), Next::Ask(Ask::Leave));
        let mut cancels = shopper(Plan { cancels: true, ..default });
        assert_eq!(cancels.answered(&Ask::Book, &told("booked")), Next::Ask(Ask::Cancel));
        let mut dawdles = shopper(Plan { dawdles_inside: true, ..default });
        assert_eq!(dawdles.answered(&Ask::Enter, &told("inside")), Next::Wait);
    }

    #[test]
    fn nobody_tries_for_ever() {
        let mut one = shopper(Plan::default());
        let hold = Ask::Hold { slot: 0, seats: 1 };
        let full = Known::refused("not_enough_seats");
        let tries = std::iter::from_fn(|| Some(one.answered(&hold, &full))).take_while(is_hold);
        assert_eq!(tries.count() as u32, HOLDS_MAX);
        assert_eq!(one.answered(&hold, &full), Next::Ask(Ask::Leave));
        assert_eq!(one.answered(&Ask::Leave, &told("left")), Next::Home("left"));
        assert_eq!(one.answered(&hold, &Known::refused("window_over")), Next::Home("expired"));
        let mut queue = Shopper::new(1, 1, Offer { slots: 0, seats_per_ticket: 1 });
        queue.plan = Plan::default();
        assert_eq!(queue.answered(&Ask::Enter, &told("inside")), Next::Ask(Ask::Leave));
    }
}
