//! Chance that repeats: every draw follows from the seed and from what it is for.
//!
//! Nothing is drawn in sequence over the whole tenant. A person's Tuesday is computed from the seed, the person and
//! the day, so any hour of any person can be planned again without planning what came before.

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// What a draw is for. Two purposes never share their chance.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(super) enum Purpose {
    Person = 1,
    Day,
    Home,
    Carrier,
    Trip,
    Session,
    Device,
    Tenant,
    Workload,
    WorkloadDay,
    Attack,
    Delivery,
    Object,
}

/// Draws for one purpose.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64, purpose: Purpose, of: &[u64]) -> Self {
        let mut state = mix(seed, purpose, of);
        let mut key = [0; 32];
        for word in key.chunks_exact_mut(8) {
            state = scramble(state);
            word.copy_from_slice(&state.to_le_bytes());
        }
        Dice(ChaCha8Rng::from_seed(key))
    }

    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Below `count`, which is at least one.
    pub fn below(&mut self, count: u64) -> u64 {
        scaled(self.bits(), count)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(0).cast_unsigned();
        low + self.below(width + 1).cast_signed()
    }

    /// The same for counts.
    pub fn count(&mut self, low: usize, high: usize) -> usize {
        let width = high.saturating_sub(low) as u64;
        low + usize::try_from(self.below(width + 1)).unwrap_or(0)
    }

    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// Mostly close to `low`, seldom close to `high`, as waiting times are.
    pub fn skewed(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(0).cast_unsigned();
        // A product of three even draws: only integers, so every machine agrees.
        let mut far = width + 1;
        for _ in 0..3 {
            far = self.below(far) + 1;
        }
        low + (far - 1).cast_signed()
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.below(of.len() as u64);
        &of[usize::try_from(index).unwrap_or(0)]
    }

    /// One of `of`, each as often as the number beside it says.
    pub fn weighted<T: Copy>(&mut self, of: &[(T, u64)]) -> T {
        let all = of.iter().map(|(_, weight)| weight).sum::<u64>();
        let mut at = self.below(all.max(1));
        for (what, weight) in of {
            if at < *weight {
                return *what;
            }
            at -= weight;
        }
        of[of.len() - 1].0
    }
}

/// One number that always belongs to the same thing.
pub(super) fn mix(seed: u64, purpose: Purpose, of: &[u64]) -> u64 {
    let begin = scramble(seed ^ (purpose as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    of.iter().fold(begin, |state, part| scramble(state ^ part))
}

/// Brings 64 even bits below `count`.
pub(super) fn scaled(bits: u64, count: u64) -> u64 {
    let wide = u128::from(bits) * u128::from(count.max(1));
    u64::try_from(wide >> 64).unwrap_or(0)
}

/// One step of splitmix64, by Sebastiano Vigna, in the public domain.
pub(super) fn scramble(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed, day| Dice::new(seed, Purpose::Day, &[7, day]).bits();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn draws_stay_in_range() {
        let mut dice = Dice::new(1, Purpose::Day, &[]);
        for _ in 0..10_000 {
            assert!((-3..=5).contains(&dice.between(-3, 5)));
            assert!((5..=60).contains(&dice.skewed(5, 60)));
            assert_eq!(dice.weighted(&[("never", 0), ("always", 3)]), "always");
        }
        assert_eq!(dice.between(4, 4), 4);
    }

    // A value that changes here changes every demo ever written down with its seed.
    #[test]
    fn values_are_those_of_the_first_release() {
        assert_eq!(scramble(0), 0xe220_a839_7b1d_cdaf);
    }
}
