//! Seeded chance: the same seed plays the same crowd.

use std::time::Duration;

/// SplitMix64: small, fast, and good enough to choose what a shopper does.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

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
        low + self.roll() % (high - low).max(1)
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.roll() % 100 < chance
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.between(0, from.len() as u64);
        from.get(index as usize)
    }

    pub fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// A random (version 4) UUID out of this stream.
    pub fn uuid(&mut self) -> uuid::Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.roll().to_le_bytes());
        bytes[8..].copy_from_slice(&self.roll().to_le_bytes());
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// Cards that are dealt in a drawn order, again and again: over time each as often as any other.
#[derive(Debug, Clone)]
pub struct Deck<T> {
    cards: Vec<T>,
    left: Vec<T>,
}

impl<T: Copy> Deck<T> {
    /// A card that stands there twice is dealt twice as often.
    pub fn new(cards: impl IntoIterator<Item = T>) -> Self {
        Self { cards: cards.into_iter().collect(), left: Vec::new() }
    }

    /// `None` only when there are no cards at all.
    pub fn deal(&mut self, dice: &mut Dice) -> Option<T> {
        if self.left.is_empty() {
            self.left.clone_from(&self.cards);
        }
        if self.left.is_empty() {
            return None;
        }
        Some(self.left.swap_remove(dice.between(0, self.left.len() as u64) as usize))
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
    fn every_card_is_dealt_before_any_comes_again() {
        let (mut deck, mut dice) = (Deck::new([1, 2, 3, 3]), Dice::new(4));
        for _ in 0..5 {
            let mut dealt: Vec<_> = (0..4).filter_map(|_| deck.deal(&mut dice)).collect();
            dealt.sort_unstable();
            assert_eq!(dealt, [1, 2, 3, 3]);
        }
        assert_eq!(Deck::<u8>::new([]).deal(&mut dice), None);
    }

    #[test]
    fn stays_between() {
        let mut dice = Dice::new(3);
        assert!((0..1_000).all(|_| (5..9).contains(&dice.between(5, 9))));
        assert!(dice.pick::<u8>(&[]).is_none());
    }
}
