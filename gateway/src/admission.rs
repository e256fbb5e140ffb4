//! How much is done at once, and how long a call may wait for its turn. One that has waited too long is told to try again,
//! with 503, as API Gateway answers where Lambda has no instance left: in a queue without end it would be served when
//! nobody waits for it any more.
//!
//! Rings are turned away first. A ring is what makes work, a heartbeat, a report and many polls; what was begun is not to
//! wait behind what has not begun. So few rings are in line or under way at a time, and in a load that lasts hardly any is.

use std::time::Duration;

use doorbell_shared::http::ApiError;
use doorbell_shared::http::routes::Function;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many calls are under way at once: more than the cores of a machine, for a store that is somewhere else.
const PLACES: usize = 32;
/// How many rings may be in line for one of them or have one.
const PLACES_FOR_RINGS: usize = PLACES / 4;
/// How long a call waits for a place. Well under what daemons give a report.
const PATIENCE: Duration = Duration::from_secs(1);

/// The places.
#[derive(Debug)]
pub(super) struct Admission {
    all: Semaphore,
    for_rings: Semaphore,
}

/// A call's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    _any: SemaphorePermit<'a>,
    _for_rings: Option<SemaphorePermit<'a>>,
}

impl Default for Admission {
    fn default() -> Self {
        Self { all: Semaphore::new(PLACES), for_rings: Semaphore::new(PLACES_FOR_RINGS) }
    }
}

impl Admission {
    /// A place for a call of `function`, first come, first served.
    pub(super) async fn admit(&self, function: Function) -> Result<Place<'_>, ApiError> {
        let place = tokio::time::timeout(PATIENCE, self.place(function)).await;
        let place = place.ok().flatten().ok_or(ApiError::Overloaded)?;
        // On the embedded engine a call waits for nothing: it would be done, place and all, before the next one is looked at,
        // and the queue would be one of sockets that nobody sees. This lets those that have come in queue up here.
        tokio::task::yield_now().await;
        Ok(place)
    }

    async fn place(&self, function: Function) -> Option<Place<'_>> {
        let for_rings = match function {
            Function::Initiate => Some(self.for_rings.acquire().await.ok()?),
            _ => None,
        };
        Some(Place { _any: self.all.acquire().await.ok()?, _for_rings: for_rings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn taken(admission: &Admission, function: Function, count: usize) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        for _ in 0..count {
            places.push(admission.admit(function).await.unwrap());
        }
        places
    }

    #[tokio::test(start_paused = true)]
    async fn rings_leave_most_places_to_what_was_begun() {
        let admission = Admission::default();
        let _rings = taken(&admission, Function::Initiate, PLACES_FOR_RINGS).await;
        assert!(admission.admit(Function::Initiate).await.is_err());
        let _beats = taken(&admission, Function::Heartbeat, PLACES - PLACES_FOR_RINGS).await;
        assert!(admission.admit(Function::Report).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_one_that_is_soon_done() {
        let admission = Admission::default();
        let polls = taken(&admission, Function::Poll, PLACES).await;
        let soon = async {
            tokio::time::sleep(PATIENCE / 2).await;
            drop(polls);
        };
        let (waited, ()) = tokio::join!(admission.admit(Function::Initiate), soon);
        assert!(waited.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_has_waited_too_long_is_told_to_try_again() {
        let admission = Admission::default();
        let _polls = taken(&admission, Function::Poll, PLACES).await;
        let refused = admission.admit(Function::Poll).await.unwrap_err().response();
        assert_eq!(
            (refused.status().as_u16(), refused.headers()["retry-after"].as_bytes()),
            (503, &b"1"[..])
        );
    }
}
