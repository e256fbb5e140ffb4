//! The moments that the model knows, and what the instances' clocks say at each.

use std::time::Duration;

use doorbell_shared::time::Timestamp;

use crate::party::{Instance, Question};

/// In seconds since the first question could be asked.
///
/// | at | who asks, claims or answers then finds |
/// |---|---|
/// | 0 | everything new |
/// | 7 | a claim of 0 s old enough to be replaced, or not yet, where the clock that wrote it was ahead |
/// | 32 | what has been pending since 0 s lapsed, or not yet |
/// | 62 | what has run since 0 s lapsed, or not yet; a claim of 32 s old enough to be replaced |
/// | 90 | what has run since 32 s lapsed, or not yet |
/// | 104 | everything over |
/// | 154 | what was last changed at 32 s gone, or not yet |
pub const MOMENTS: [u64; 7] = [0, 7, 32, 62, 90, 104, 154];

const SKEW: Duration = Duration::from_secs(2);

/// One of [`MOMENTS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moment(usize);

impl Moment {
    /// The one after it.
    pub fn next(self) -> Option<Self> {
        (self.0 + 1 < MOMENTS.len()).then_some(Self(self.0 + 1))
    }

    /// Whether `question` may be asked: the first at once, which is no loss, because time may start at any time; the second
    /// then or later, as long as there is time for everything that may follow.
    pub fn is_for_asking(self, question: Question) -> bool {
        self.0 <= question as usize
    }

    /// Seconds since the first.
    pub fn seconds(self) -> u64 {
        MOMENTS[self.0]
    }
}

/// What each clock says at each moment. Made once: the lifecycle's own arithmetic costs more than a step of the model.
#[derive(Clone, Debug)]
pub struct Clocks {
    ahead: [Timestamp; MOMENTS.len()],
    behind: [Timestamp; MOMENTS.len()],
}

impl Clocks {
    /// Clocks that start at any time at all: the lifecycle looks at differences only.
    pub fn starting_at(start: Timestamp) -> Self {
        let moments = MOMENTS.map(|seconds| start + Duration::from_secs(seconds));
        Self { ahead: moments.map(|moment| moment + SKEW), behind: moments.map(|moment| moment - SKEW) }
    }

    /// What the clock of `instance` says.
    pub fn now(&self, instance: Instance, moment: Moment) -> Timestamp {
        match instance {
            Instance::Ahead => self.ahead[moment.0],
            Instance::Behind => self.behind[moment.0],
        }
    }
}
