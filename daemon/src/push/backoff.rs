//! The waits between tries: exponential, with full jitter (AWS, "Exponential backoff and jitter").

use std::time::Duration;

use rand::RngExt as _;

/// The longest first wait.
const FIRST: Duration = Duration::from_secs(1);

/// The waits of one sequence of tries.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest: Duration,
    tries: u32,
}

impl Backoff {
    pub(crate) fn new(longest: Duration) -> Self {
        Self { longest, tries: 0 }
    }

    /// The waits after a first try that has failed.
    pub(crate) fn after_failure(longest: Duration) -> Self {
        Self { longest, tries: 1 }
    }

    /// The wait before the next try: none before the first.
    pub(crate) fn next(&mut self) -> Duration {
        let bound = self.bound();
        self.tries = self.tries.saturating_add(1);
        bound.mul_f64(rand::rng().random::<f64>())
    }

    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }

    fn bound(&self) -> Duration {
        match self.tries {
            0 => Duration::ZERO,
            tries => FIRST.saturating_mul(2_u32.saturating_pow(tries - 1)).min(self.longest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_secs(15));
        let mut bounds = Vec::new();
        for _ in 0..40 {
            bounds.push(backoff.bound().as_secs());
            assert!(backoff.next() <= Duration::from_secs(*bounds.last().unwrap()));
        }
        assert_eq!(bounds[..7], [0, 1, 2, 4, 8, 15, 15]);
        assert_eq!(bounds.last(), Some(&15));
    }

    #[test]
    fn waits_are_random() {
        let waits: Vec<_> = (0..8)
            .map(|_| {
                let mut backoff = Backoff { longest: Duration::from_secs(300), tries: 9 };
                backoff.next()
            })
            .collect();
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
    }

    #[test]
    fn reset_starts_at_once() {
        let mut backoff = Backoff { longest: Duration::from_secs(300), tries: 9 };
        backoff.reset();
        assert_eq!(backoff.next(), Duration::ZERO);
    }
}
