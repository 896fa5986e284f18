//! What a shopper is going to do, decided by the dice before anything happens.

use crate::dice::Dice;

/// Shares of all shoppers, in percent.
const LEAVES_LINE: u64 = 4;
const NO_SHOW: u64 = 4;
const DAWDLES_INSIDE: u64 = 4;
const DAWDLES_HOLDING: u64 = 4;
const SWAPS: u64 = 15;
const RELEASES: u64 = 6;
const CANCELS: u64 = 6;
const REPEATS: u64 = 20;
const RECONNECTS: u64 = 15;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// Leaves while waiting.
    pub leaves_line: bool,
    /// Is let in and does not come.
    pub no_show: bool,
    /// Comes in and lets the time run out.
    pub dawdles_inside: bool,
    /// Holds seats and lets them run out.
    pub dawdles_holding: bool,
    /// Holds seats of one slot, then of another.
    pub swaps: bool,
    /// Gives held seats back and leaves.
    pub releases: bool,
    /// Cancels the booking.
    pub cancels: bool,
    /// Sends every command again once it is answered.
    pub repeats: bool,
    /// Loses the network once while waiting.
    pub reconnects: bool,
}

impl Plan {
    pub fn of(dice: &mut Dice) -> Self {
        Self {
            leaves_line: dice.percent(LEAVES_LINE),
            no_show: dice.percent(NO_SHOW),
            dawdles_inside: dice.percent(DAWDLES_INSIDE),
            dawdles_holding: dice.percent(DAWDLES_HOLDING),
            swaps: dice.percent(SWAPS),
            releases: dice.percent(RELEASES),
            cancels: dice.percent(CANCELS),
            repeats: dice.percent(REPEATS),
            reconnects: dice.percent(RECONNECTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_has_some_of_each() {
        let plans: Vec<Plan> = (0..1_000).map(|n| Plan::of(&mut Dice::of(1, n))).collect();
        let share = |does: fn(&Plan) -> bool| plans.iter().filter(|plan| does(plan)).count();
        assert!((100..300).contains(&share(|plan| plan.repeats)));
        for does in [|plan: &Plan| plan.no_show, |plan: &Plan| plan.cancels] {
            assert!((10..100).contains(&share(does)));
        }
        assert!(plans.contains(&Plan::default()), "most do what the shop hopes for");
    }
}
