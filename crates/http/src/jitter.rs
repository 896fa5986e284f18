//! Random enough to spread people who come back, and cheap enough under overload.

use std::{
    ops::RangeInclusive,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Step of the counter below: the golden ratio in 64 bits (splitmix64).
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number of the range, spread evenly. Never for secrets.
pub fn jitter(range: RangeInclusive<u64>) -> u64 {
    static COUNTER: OnceLock<AtomicU64> = OnceLock::new();
    // Without a seed all processes would agree, which only spreads people less well.
    let counter = COUNTER.get_or_init(|| AtomicU64::new(getrandom::u64().unwrap_or(STEP)));
    let mut x = counter.fetch_add(STEP, Relaxed);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^= x >> 31;
    range.start() + x % (range.end() - range.start() + 1)
}

#[cfg(test)]
mod tests {
    use super::jitter;

    #[test]
    fn every_value_of_the_range_comes_up_and_no_other() {
        let mut seen = [0_u32; 8];
        for _ in 0..1_000 {
            seen[usize::try_from(jitter(2..=5)).unwrap()] += 1;
        }
        assert_eq!(seen.iter().filter(|count| **count > 100).count(), 4, "{seen:?}");
        assert_eq!(seen[2..=5].iter().sum::<u32>(), 1_000);
    }
}
