//! Seeded chance: the same seed plays the same crowd.

/// SplitMix64: small, fast, and good enough to choose what a shopper does.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A stream of its own for the `n`-th of something.
    pub fn of(seed: u64, n: u64) -> Self {
        let mut dice = Self(seed ^ n.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        dice.roll();
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `low..high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.roll() % high.saturating_sub(low).max(1)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.roll() % 100 < chance
    }

    /// After how long a busy service is asked again, in microseconds: as it said, and up to half of
    /// that more, so that those who were refused together do not come back together.
    pub fn patience_us(&mut self, retry_after_secs: Option<u32>) -> u64 {
        let said_us = u64::from(retry_after_secs.unwrap_or(1).max(1)) * 1_000_000;
        said_us + self.between(0, said_us / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_rolls_the_same() {
        let rolls = |mut dice: Dice| (0..5).map(|_| dice.roll()).collect::<Vec<_>>();
        assert_eq!(rolls(Dice::of(7, 1)), rolls(Dice::of(7, 1)));
        assert_ne!(rolls(Dice::of(7, 1)), rolls(Dice::of(7, 2)));
    }

    #[test]
    fn stays_between() {
        let mut dice = Dice::of(3, 0);
        assert!((0..1_000).all(|_| (5..9).contains(&dice.between(5, 9))));
        assert!((0..1_000).all(|_| (2_000_000..3_000_000).contains(&dice.patience_us(Some(2)))));
        assert!(!dice.percent(0) && dice.percent(100));
    }
}
