//! Who rings whom, and when.

use std::time::Duration;

use doorbell_bench::Effort;

/// From one ring of a machine to the next: longer than any answer takes, and no multiple of any interval, so that the rings of
/// one machine meet its beats at different phases.
const BETWEEN_RINGS: Duration = Duration::from_millis(18_370);

/// How much is rung.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Seconds between beats: every interval has as many daemons, all at the same time.
    pub(crate) seconds: &'static [u64],
    /// How many daemons beat at each interval.
    pub(crate) daemons: u32,
    /// How often each of them is rung.
    pub(crate) rings: u32,
}

/// When a ring begins, from the start of the run.
pub(crate) type Ring = Duration;

impl Plan {
    /// As much as is asked for.
    pub(crate) fn of(effort: Effort) -> Self {
        effort.pick(
            Self { seconds: &[15, 5, 1], daemons: 60, rings: 6 },
            Self { seconds: &[1], daemons: 2, rings: 1 },
        )
    }

    /// Time between beats.
    pub(crate) fn intervals(&self) -> impl ExactSizeIterator<Item = Duration> {
        self.seconds.iter().map(|seconds| Duration::from_secs(*seconds))
    }

    /// When the machine of that number is rung: the machines' rings are spread evenly over the time between two.
    pub(crate) fn rings(&self, daemon: u32) -> Vec<Ring> {
        let first = BETWEEN_RINGS.mul_f64(f64::from(daemon) / f64::from(self.daemons));
        // In brief there is one ring, and nothing to wait for before it.
        let first = if self.rings > 1 { first } else { Duration::ZERO };
        (0..self.rings).map(|ring| first + BETWEEN_RINGS * ring).collect()
    }
}
