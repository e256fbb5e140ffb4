//! The deliberate bugs that replace an operation of the store.

use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_shared::access::Principal;
use doorbell_shared::request::{Address, KindFilter};
use doorbell_shared::store::{CancelOutcome, PollOutcome, Result, Store};

use crate::context::Bug;

/// The delay of a stale read.
const STALENESS: Duration = Duration::from_millis(600);

pub(crate) async fn poll_with_bug(
    bug: Option<Bug>,
    store: impl Store,
    address: Address,
    kinds: KindFilter,
    caller: &Principal,
    now: Timestamp,
) -> Result<PollOutcome> {
    // No deadline has passed at the epoch, so this poll only reads.
    let epoch = Timestamp::from_millis(0).unwrap();
    if matches!(bug, Some(Bug::StalePolls | Bug::TimeoutsNotStored))
        && let PollOutcome::Found(request) = store.poll(address, kinds, caller, epoch).await?
        && request.is_readable(now)
    {
        match (bug, request.timed_out_if_expired(now)) {
            (Some(Bug::StalePolls), _) if now.since(request.created_at) < STALENESS => {
                return Ok(PollOutcome::NotFound);
            }
            (Some(Bug::TimeoutsNotStored), Some(timed_out)) => return Ok(PollOutcome::Found(timed_out)),
            _ => {}
        }
    }
    store.poll(address, kinds, caller, now).await
}

pub(crate) async fn cancel_with_bug(
    bug: Option<Bug>,
    store: impl Store,
    address: Address,
    kinds: KindFilter,
    caller: &Principal,
    now: Timestamp,
) -> Result<CancelOutcome> {
    if bug == Some(Bug::CancellationsNotStored)
        && let PollOutcome::Found(request) = store.poll(address, kinds, caller, now).await?
        && let Some(cancelled) = request.cancelled_if_open(now)
    {
        return Ok(CancelOutcome::Cancelled(cancelled));
    }
    store.cancel(address, kinds, caller, now).await
}
