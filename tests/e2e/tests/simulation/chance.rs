//! Every choice of a seed, from one stream of numbers. Whoever asks first gets the next one, so a seed is the same run
//! only as long as nothing but the seed decides who asks first: one thread, virtual time.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

#[derive(Debug)]
pub(crate) struct Chance(Mutex<ChaCha8Rng>);

impl Chance {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    pub(crate) fn number(&self, range: Range<u64>) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(range)
    }

    pub(crate) fn bits(&self) -> u128 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    pub(crate) fn one_of<T: Clone>(&self, choices: &[T]) -> T {
        let index = usize::try_from(self.number(0..choices.len() as u64)).unwrap();
        choices[index].clone()
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(crate) fn happens(&self, per_mille: u64) -> bool {
        self.number(0..1000) < per_mille
    }

    pub(crate) fn millis(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.number(range))
    }
}
