//! What a shopper means to do, drawn from a seed.

use std::time::Duration;

use crate::dice::Dice;

/// The course of a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Waits, enters, holds, books.
    Whole,
    /// Leaves the line while waiting.
    Leaves,
    /// Leaves the line and joins again at the end.
    Rejoins,
    /// Lets the turn pass.
    Late,
    /// Lets a hold run out, then books or leaves.
    Dawdles,
    /// Holds one slot, then another.
    Swaps,
    /// Holds, gives the seats back, leaves.
    Releases,
    /// Books, then cancels.
    Cancels,
}

/// Everything about one shopper that chance decides beforehand.
#[derive(Debug, Clone)]
pub struct Plan {
    pub manner: Manner,
    pub join_after: Duration,
    /// When someone who leaves leaves, after joining.
    pub leave_after: Duration,
    pub slot: String,
    pub seats: i64,
    /// Chance in percent that a command is sent twice at once.
    pub double_click: u64,
    /// Chance in percent that a command is asked again later.
    pub asks_again: u64,
    /// Asks for the outcome with `?wait=2s`.
    pub waits: bool,
    /// Drops the socket about this often.
    pub reconnects_every: Option<Duration>,
    /// Looks at the own state over HTTP about this often.
    pub looks_every: Option<Duration>,
    pub lingers: Option<Duration>,
}

/// Manners and how many of a hundred have them.
const MIX: [(Manner, u64); 8] = [
    (Manner::Whole, 54),
    (Manner::Leaves, 9),
    (Manner::Rejoins, 5),
    (Manner::Late, 7),
    (Manner::Dawdles, 6),
    (Manner::Swaps, 8),
    (Manner::Releases, 4),
    (Manner::Cancels, 7),
];

/// When people come, and how long they stay to look.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Over what time.
    pub spread: Duration,
    /// How many of a hundred come in the first two seconds.
    pub at_once_percent: u64,
    /// How long someone whose visit is over still looks at the line; `None` = to the end of the sale.
    pub lingers: Option<Duration>,
}

impl Arrival {
    /// Most at once, and all stay.
    pub fn rush(spread: Duration) -> Self {
        Self { spread, at_once_percent: 60, lingers: None }
    }
}

const AT_ONCE_MS: u64 = 2_000;

impl Plan {
    pub fn draw(dice: &mut Dice, slots: &[String], arrival: &Arrival) -> Self {
        let manner = manner(dice.between(0, 100));
        let spread = arrival.spread.as_millis() as u64;
        let at_once = dice.percent(arrival.at_once_percent);
        let within = if at_once { AT_ONCE_MS.min(spread) } else { spread };
        Self {
            manner,
            join_after: dice.millis(0, within.max(1)),
            leave_after: dice.millis(500, 20_000),
            slot: dice.pick(slots).cloned().unwrap_or_default(),
            seats: if dice.percent(50) { 2 } else { 1 },
            double_click: if dice.percent(30) { 50 } else { 0 },
            asks_again: if dice.percent(30) { 50 } else { 0 },
            waits: dice.percent(70),
            reconnects_every: dice.percent(15).then(|| dice.millis(2_000, 8_000)),
            looks_every: dice.percent(15).then(|| dice.millis(2_000, 6_000)),
            lingers: arrival.lingers,
        }
    }
}

fn manner(mut roll: u64) -> Manner {
    for (manner, share) in MIX {
        if roll < share {
            return manner;
        }
        roll -= share;
    }
    Manner::Whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_a_hundred_and_every_manner_comes() {
        assert_eq!(MIX.iter().map(|(_, share)| share).sum::<u64>(), 100);
        for (wanted, share) in MIX {
            assert_eq!((0..100).filter(|roll| manner(*roll) == wanted).count() as u64, share);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_plan() {
        let slots = ["a".to_owned(), "b".to_owned()];
        let arrival = Arrival::rush(Duration::from_secs(9));
        let draw = || Plan::draw(&mut Dice::of(5, 9), &slots, &arrival);
        assert_eq!(format!("{:?}", draw()), format!("{:?}", draw()));
    }
}
