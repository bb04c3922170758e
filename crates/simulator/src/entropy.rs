//! Randomness from one seed: the same seed and the same calls in the same order behave the same.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(crate) struct Entropy {
    seed: u64,
    rng: Mutex<StdRng>,
}

impl Entropy {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { seed, rng: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    /// True with the given odds; 0 and 1 draw nothing, so an unused fault does not shift the sequence.
    pub(crate) fn chance(&self, odds: f64) -> bool {
        if odds <= 0.0 {
            return false;
        }
        odds >= 1.0 || self.with(|rng| rng.random_bool(odds))
    }

    /// A number from [0, 1) that belongs to `of` for as long as the seed is the same; draws nothing.
    pub(crate) fn fixed(&self, of: u64) -> f64 {
        StdRng::seed_from_u64(self.seed ^ of.rotate_left(32)).random::<f64>()
    }

    /// A number from `0..below`; 0 when there is no choice.
    pub(crate) fn below(&self, below: u64) -> u64 {
        if below <= 1 { 0 } else { self.with(|rng| rng.random_range(0..below)) }
    }

    /// A number from [0, 1).
    pub(crate) fn unit(&self) -> f64 {
        self.with(|rng| rng.random::<f64>())
    }

    pub(crate) fn number(&self) -> u64 {
        self.with(|rng| rng.random::<u64>())
    }

    /// Moves the items into a random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
