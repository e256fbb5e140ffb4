//! Load shedding: the number of concurrent calls is limited, and a call that waits too long for a permit gets 503, as API
//! Gateway responds when Lambda has no free instance. An unbounded queue would serve calls whose clients have given up.
//!
//! Rings are rejected first. A ring creates work (a heartbeat, a report and several polls), and work in progress must not
//! wait behind new work. So rings have a smaller limit of their own.

use std::time::Duration;

use doorbell_shared::http::ApiError;
use doorbell_shared::http::routes::Function;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Concurrent calls: more than a machine has cores, because a remote store makes calls wait.
const MAX_CALLS: usize = 32;
/// Concurrent rings, waiting ones included.
const MAX_RINGS: usize = MAX_CALLS / 4;
/// The longest wait for a permit. Well below the time that daemons allow for a report.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Admission {
    calls: Semaphore,
    rings: Semaphore,
}

/// Counts as one call until it is dropped.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    _call: SemaphorePermit<'a>,
    _ring: Option<SemaphorePermit<'a>>,
}

impl Default for Admission {
    fn default() -> Self {
        Self { calls: Semaphore::new(MAX_CALLS), rings: Semaphore::new(MAX_RINGS) }
    }
}

impl Admission {
    /// A permit for a call of `function`, in order of arrival.
    pub(super) async fn admit(&self, function: Function) -> Result<Permit<'_>, ApiError> {
        let permit = match self.try_permit(function) {
            Some(permit) => permit,
            None => {
                let permit = tokio::time::timeout(TIMEOUT, self.permit(function)).await;
                permit.ok().flatten().ok_or(ApiError::Overloaded)?
            }
        };
        // A call on an in-process store never waits, so it would finish before the next connection is polled, and the
        // queue would build up in the sockets. Yielding lets the other calls queue here.
        tokio::task::yield_now().await;
        Ok(permit)
    }

    /// Without a timer, because most calls do not wait. Waiting calls come first: their permits are never available here.
    fn try_permit(&self, function: Function) -> Option<Permit<'_>> {
        let ring = match function {
            Function::Initiate => Some(self.rings.try_acquire().ok()?),
            _ => None,
        };
        Some(Permit { _call: self.calls.try_acquire().ok()?, _ring: ring })
    }

    async fn permit(&self, function: Function) -> Option<Permit<'_>> {
        let ring = match function {
            Function::Initiate => Some(self.rings.acquire().await.ok()?),
            _ => None,
        };
        Some(Permit { _call: self.calls.acquire().await.ok()?, _ring: ring })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn admit(admission: &Admission, function: Function, count: usize) -> Vec<Permit<'_>> {
        let mut permits = Vec::new();
        for _ in 0..count {
            permits.push(admission.admit(function).await.unwrap());
        }
        permits
    }

    #[tokio::test(start_paused = true)]
    async fn rings_leave_permits_for_other_calls() {
        let admission = Admission::default();
        let _rings = admit(&admission, Function::Initiate, MAX_RINGS).await;
        assert!(admission.admit(Function::Initiate).await.is_err());
        let _heartbeats = admit(&admission, Function::Heartbeat, MAX_CALLS - MAX_RINGS).await;
        assert!(admission.admit(Function::Report).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn call_waits_for_a_permit() {
        let admission = Admission::default();
        let polls = admit(&admission, Function::Poll, MAX_CALLS).await;
        let release = async {
            tokio::time::sleep(TIMEOUT / 2).await;
            drop(polls);
        };
        let (admitted, ()) = tokio::join!(admission.admit(Function::Initiate), release);
        assert!(admitted.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn call_without_permit_times_out_with_503() {
        let admission = Admission::default();
        let _polls = admit(&admission, Function::Poll, MAX_CALLS).await;
        let rejected = admission.admit(Function::Poll).await.unwrap_err().response();
        assert_eq!(rejected.status(), 503);
        assert_eq!(rejected.headers()["retry-after"], "1");
    }
}
