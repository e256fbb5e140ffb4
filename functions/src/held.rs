//! Held responses: `?wait=` on the routes that ask and poll.

use std::time::Duration;

use doorbell_shared::access::Principal;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, input, metrics};
use doorbell_shared::limits::{CALL_TIMEOUT, HELD_CALL_TIMEOUT};
use doorbell_shared::request::{Address, KindFilter, Request};
use doorbell_shared::store::{PollOutcome, Store, StoreError};
use tokio::time::{Instant, sleep_until, timeout_at};

/// The first interval between two reads of a held call.
const FIRST_INTERVAL: Duration = Duration::from_millis(200);

/// The longest interval: that of existing clients, so that a held call is never later than their polls.
const LONGEST_INTERVAL: Duration = Duration::from_millis(500);

/// The growth of the interval: 13 tenths.
const GROWTH: (u32, u32) = (13, 10);

/// The intervals between the reads of a held call.
pub fn intervals() -> impl Iterator<Item = Duration> {
    let next = |interval: &Duration| Some(LONGEST_INTERVAL.min(*interval * GROWTH.0 / GROWTH.1));
    std::iter::successors(Some(FIRST_INTERVAL), next)
}

/// How long a call is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    until: Instant,
    /// A read that is open at this time is abandoned.
    abandon: Instant,
}

impl Hold {
    /// The hold of a call that starts now.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let started = Instant::now();
        Ok(Self { until: started + input::wait(request)?, abandon: started + HELD_CALL_TIMEOUT })
    }

    /// Reads `request` again until it has ended or the time is over, and returns what was read last.
    ///
    /// A failed read ends the hold: the client has its record, and its next poll gets the error.
    pub(crate) async fn until_ended<S: Store>(
        self,
        state: &AppState<S>,
        kinds: KindFilter,
        caller: &Principal,
        mut request: Request,
    ) -> Request {
        for interval in intervals() {
            if request.state.status().is_terminal() || Instant::now() >= self.until {
                break;
            }
            sleep_until(self.until.min(Instant::now() + interval)).await;
            let abandon = self.abandon.min(Instant::now() + CALL_TIMEOUT);
            match timeout_at(abandon, read(state, request.address, kinds, caller)).await {
                Ok(Ok(Some(read))) => request = read,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "hold ended by a failed read");
                    break;
                }
                Err(_) => {
                    tracing::warn!("hold ended by a slow read");
                    break;
                }
            }
        }
        request
    }
}

/// The request at `address`, if the caller may see it.
pub(crate) async fn read<S: Store>(
    state: &AppState<S>,
    address: Address,
    kinds: KindFilter,
    caller: &Principal,
) -> Result<Option<Request>, StoreError> {
    Ok(match state.store.poll(address, kinds, caller, state.clock.now()).await? {
        PollOutcome::Found(request) => Some(request),
        PollOutcome::TimedOut(request) => {
            metrics::request_timed_out(request.kind);
            Some(request)
        }
        PollOutcome::NotFound => None,
    })
}
