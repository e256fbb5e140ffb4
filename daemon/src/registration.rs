//! When the agents are registered: at the start, when they change, when the server has lost a runtime, and again after each failure.
//! Makes no call and reads no clock.

use std::time::Duration;

use doorbell_client::CallError;
use rand::RngExt as _;
use tokio::time::Instant;

use crate::failure::{Failure, reason, rejected_wait, retry_after};
use crate::push::backoff::Backoff;

/// The longest wait after a transient failure. A server that is up again is found within it; 500 daemons with full jitter make 17 calls a
/// second at most on average.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// The shortest wait after the first refusal, doubled with each further one up to [`LONGEST_REFUSED`]: a user has to change something.
const FIRST_REFUSED: Duration = Duration::from_secs(15);

/// Half of the longest wait after a refusal.
const LONGEST_REFUSED: Duration = Duration::from_secs(150);

/// The pace of registrations.
#[derive(Debug)]
pub(crate) struct Registration {
    due: Option<Instant>,
    /// Why the last one failed. `None` after a success.
    failure: Option<String>,
    backoff: Backoff,
    refusals: u32,
}

impl Registration {
    /// Due at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        let backoff = Backoff::after_failure(LONGEST_BACKOFF);
        Self { due: Some(now), failure: None, backoff, refusals: 0 }
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Why the agents are not registered as they should be.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// The server has lost a runtime. Keeps the time of a registration that is due anyway.
    pub(crate) fn request(&mut self, now: Instant) {
        self.due.get_or_insert(now);
    }

    /// The agents have changed: the earlier failure may have been about them. What the server asked to wait for is asked again, so a change
    /// costs a call at most.
    pub(crate) fn agents_changed(&mut self, now: Instant) {
        self.due = Some(now);
    }

    /// The network may be another one. Starts the waits again.
    pub(crate) fn resumed(&mut self, now: Instant) {
        self.reset();
        self.due = self.due.map(|due| due.min(now));
    }

    pub(crate) fn succeeded(&mut self) {
        self.reset();
        self.due = None;
        self.failure = None;
    }

    /// `is_rejected`: whether the server rejects the token for certain.
    pub(crate) fn failed(&mut self, error: &CallError, is_rejected: bool, now: Instant) {
        let wait = match Failure::of(&error.error) {
            Failure::Unauthorized if is_rejected => rejected_wait(),
            Failure::Refused => self.refused_wait(),
            Failure::Unauthorized | Failure::Transient => self.backoff.next(),
        };
        // Both, because a server may name one time to all daemons.
        self.due = Some(now + retry_after(error).unwrap_or_default() + wait);
        self.failure = Some(reason(&error.error));
    }

    /// From half of a bound to the bound.
    fn refused_wait(&mut self) -> Duration {
        let shortest = FIRST_REFUSED.saturating_mul(2_u32.saturating_pow(self.refusals)).min(LONGEST_REFUSED);
        self.refusals = self.refusals.saturating_add(1);
        shortest.mul_f64(1.0 + rand::rng().random::<f64>())
    }

    fn reset(&mut self) {
        self.backoff = Backoff::after_failure(LONGEST_BACKOFF);
        self.refusals = 0;
    }
}

#[cfg(test)]
mod tests {
    use doorbell_client::ClientError;

    use super::*;
    use crate::clock::now;

    fn error(status: u16, retry_after: Option<u64>) -> CallError {
        let error = ClientError::Api { status, error: "text".to_owned() };
        CallError { error, retry_after: retry_after.map(Duration::from_secs) }
    }

    /// The waits after these failures in a row, in seconds.
    fn waits(error: &CallError, is_rejected: bool, count: usize) -> Vec<f64> {
        let start = now();
        let mut registration = Registration::new(start);
        let mut wait = || {
            registration.failed(error, is_rejected, start);
            (registration.due().unwrap() - start).as_secs_f64()
        };
        (0..count).map(|_| wait()).collect()
    }

    fn assert_within(waits: &[f64], bounds: &[(f64, f64)]) {
        let is_within =
            |(wait, (shortest, longest)): (&f64, &(f64, f64))| (*shortest..=*longest).contains(wait);
        assert!(waits.iter().zip(bounds).all(is_within), "{waits:?} are not within {bounds:?}");
    }

    #[test]
    fn transient_failures_back_off_to_a_minute() {
        let bounds = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0].map(|longest| (0.0, longest));
        assert_within(&waits(&error(503, None), false, 8), &bounds);
        let later = &waits(&error(503, None), false, 60)[7..];
        assert!(later.iter().any(|wait| *wait > 32.0), "{later:?}");
    }

    #[test]
    fn refusals_are_repeated_slowly() {
        let bounds =
            [(15.0, 30.0), (30.0, 60.0), (60.0, 120.0), (120.0, 240.0), (150.0, 300.0), (150.0, 300.0)];
        assert_within(&waits(&error(409, None), false, 6), &bounds);
    }

    #[test]
    fn rejected_token_is_tried_every_five_minutes() {
        assert_within(&waits(&error(401, None), true, 3), &[(270.0, 300.0); 3]);
        assert_within(&waits(&error(401, None), false, 1), &[(0.0, 1.0)]);
    }

    #[test]
    fn retry_after_is_waited_for() {
        assert_within(&waits(&error(503, Some(30)), false, 3), &[(30.0, 31.0), (30.0, 32.0), (30.0, 34.0)]);
    }

    #[test]
    fn lost_runtime_does_not_hurry_a_retry() {
        let start = now();
        let mut registration = Registration::new(start);
        registration.failed(&error(503, Some(30)), false, start);
        let due = registration.due();
        registration.request(start);
        assert_eq!(registration.due(), due);
        registration.succeeded();
        registration.request(start);
        assert_eq!(registration.due(), Some(start));
    }

    #[test]
    fn resume_hurries_only_what_is_due() {
        let start = now();
        let mut registration = Registration::new(start);
        registration.failed(&error(503, Some(30)), false, start);
        registration.resumed(start);
        assert_eq!(registration.due(), Some(start));
        registration.succeeded();
        registration.resumed(start);
        assert_eq!(registration.due(), None);
    }
}
