//! Load shedding: the number of concurrent calls is limited, and a call that waits too long for a permit gets 503, as API
//! Gateway responds when Lambda has no free instance. An unbounded queue would serve calls whose clients have given up.
//!
//! Rings are rejected first. A ring creates work (a heartbeat, a report and several polls), and work in progress must not
//! wait behind new work. So rings have a smaller limit of their own.
//!
//! A held call (`?wait=`) sleeps nearly all of its time, so it counts towards a limit of its own, and not towards the others.

use std::time::Duration;

use doorbell_shared::http::ApiError;
use doorbell_shared::http::routes::Function;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Concurrent calls: more than a machine has cores, because a remote store makes calls wait.
const MAX_CALLS: usize = 32;
/// Concurrent rings, waiting ones included.
const MAX_RINGS: usize = MAX_CALLS / 4;
/// Concurrent held calls. Each reads its request two to five times a second.
const MAX_HELD: usize = 512;
/// The longest wait for a permit. Well below the time that daemons allow for a report.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Admission {
    calls: Semaphore,
    rings: Semaphore,
    held: Semaphore,
}

/// What a call counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallClass {
    Ring,
    Held,
    Other,
}

impl CallClass {
    pub(super) fn of(function: Function, query: Option<&str>) -> Self {
        match function {
            Function::Initiate | Function::Poll if has_wait(query.unwrap_or_default()) => Self::Held,
            Function::Initiate => Self::Ring,
            _ => Self::Other,
        }
    }
}

fn has_wait(query: &str) -> bool {
    query.split('&').filter_map(|parameter| parameter.strip_prefix("wait=")).any(|seconds| seconds != "0")
}

/// Counts as one call until it is dropped.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    _first: SemaphorePermit<'a>,
    _second: Option<SemaphorePermit<'a>>,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            calls: Semaphore::new(MAX_CALLS),
            rings: Semaphore::new(MAX_RINGS),
            held: Semaphore::new(MAX_HELD),
        }
    }
}

impl Admission {
    /// A permit for a call of `class`, in order of arrival.
    pub(super) async fn admit(&self, class: CallClass) -> Result<Permit<'_>, ApiError> {
        let permit = match self.try_permit(class) {
            Some(permit) => permit,
            None => {
                let permit = tokio::time::timeout(TIMEOUT, self.permit(class)).await;
                permit.ok().flatten().ok_or(ApiError::Overloaded)?
            }
        };
        // A call on an in-process store never waits, so it would finish before the next connection is polled, and the
        // queue would build up in the sockets. Yielding lets the other calls queue here.
        tokio::task::yield_now().await;
        Ok(permit)
    }

    /// Without a timer, because most calls do not wait. Waiting calls come first: their permits are never available here.
    fn try_permit(&self, class: CallClass) -> Option<Permit<'_>> {
        let (first, second) = self.limits(class);
        let first = first.try_acquire().ok()?;
        let second = second.map(Semaphore::try_acquire).transpose().ok()?;
        Some(Permit { _first: first, _second: second })
    }

    async fn permit(&self, class: CallClass) -> Option<Permit<'_>> {
        let (first, second) = self.limits(class);
        let first = first.acquire().await.ok()?;
        let second = match second {
            Some(second) => Some(second.acquire().await.ok()?),
            None => None,
        };
        Some(Permit { _first: first, _second: second })
    }

    /// The limits that a call counts towards.
    fn limits(&self, class: CallClass) -> (&Semaphore, Option<&Semaphore>) {
        match class {
            CallClass::Ring => (&self.rings, Some(&self.calls)),
            CallClass::Held => (&self.held, None),
            CallClass::Other => (&self.calls, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn admit(admission: &Admission, class: CallClass, count: usize) -> Vec<Permit<'_>> {
        let mut permits = Vec::new();
        for _ in 0..count {
            permits.push(admission.admit(class).await.unwrap());
        }
        permits
    }

    #[tokio::test(start_paused = true)]
    async fn rings_leave_permits_for_other_calls() {
        let admission = Admission::default();
        let _rings = admit(&admission, CallClass::Ring, MAX_RINGS).await;
        assert!(admission.admit(CallClass::Ring).await.is_err());
        let _others = admit(&admission, CallClass::Other, MAX_CALLS - MAX_RINGS).await;
        assert!(admission.admit(CallClass::Other).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn held_calls_leave_permits_for_all_others() {
        let admission = Admission::default();
        let _held = admit(&admission, CallClass::Held, MAX_HELD).await;
        assert!(admission.admit(CallClass::Held).await.is_err());
        admit(&admission, CallClass::Ring, MAX_RINGS).await;
        admit(&admission, CallClass::Other, MAX_CALLS).await;
    }

    #[test]
    fn wait_makes_a_held_call() {
        for (function, query, class) in [
            (Function::Initiate, None, CallClass::Ring),
            (Function::Initiate, Some("a=b&wait=20"), CallClass::Held),
            (Function::Initiate, Some("wait=0"), CallClass::Ring),
            (Function::Poll, Some("wait=20"), CallClass::Held),
            (Function::Poll, Some("awaits=20"), CallClass::Other),
            (Function::Heartbeat, Some("wait=20"), CallClass::Other),
        ] {
            assert_eq!(CallClass::of(function, query), class, "{function:?} {query:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn call_waits_for_a_permit() {
        let admission = Admission::default();
        let polls = admit(&admission, CallClass::Other, MAX_CALLS).await;
        let release = async {
            tokio::time::sleep(TIMEOUT / 2).await;
            drop(polls);
        };
        let (admitted, ()) = tokio::join!(admission.admit(CallClass::Ring), release);
        assert!(admitted.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn call_without_permit_times_out_with_503() {
        let admission = Admission::default();
        let _polls = admit(&admission, CallClass::Other, MAX_CALLS).await;
        let rejected = admission.admit(CallClass::Other).await.unwrap_err().response();
        assert_eq!(rejected.status(), 503);
        assert_eq!(rejected.headers()["retry-after"], "1");
    }
}
