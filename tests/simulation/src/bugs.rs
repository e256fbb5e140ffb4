//! The deliberate bugs of operations of the store.

use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::{PushMessage, RuntimeId, Timestamp};
use doorbell_shared::access::Principal;
use doorbell_shared::push::Push as _;
use doorbell_shared::request::{Address, KindFilter};
use doorbell_shared::store::{CancelOutcome, PollOutcome, Result, Store};

use crate::context::{Bug, Context, SharedStore};
use crate::events::client_of;

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

/// The runtime whose snapshot is found, and the time that is compared with its presence.
pub(crate) fn snapshot_with_bug<S>(
    context: &Context<S>,
    runtime: RuntimeId,
    now: Timestamp,
) -> (RuntimeId, Timestamp) {
    match context.bug {
        // Every runtime is online at the epoch.
        Some(Bug::OfflineServed) => (runtime, Timestamp::from_millis(0).unwrap()),
        Some(Bug::AnySnapshotServed) => {
            let daemons = context.environment.plan.daemons.iter();
            let mut runtimes = daemons.map(|daemon| crate::runner::runtime(daemon.machine));
            (runtimes.find(|other| *other != runtime).unwrap_or(runtime), now)
        }
        _ => (runtime, now),
    }
}

/// Sends the hint of a ring before the request exists.
pub(crate) async fn hint_early<S: SharedStore>(
    context: &Arc<Context<S>>,
    runtime: RuntimeId,
    now: Timestamp,
) {
    let Some(broker) = &context.broker else { return };
    let mut machines: Vec<_> = context.environment.plan.daemons.iter().map(|daemon| daemon.machine).collect();
    machines.dedup();
    for client in machines.into_iter().map(client_of) {
        let leases = context.store.find_leases(&client, now).await.unwrap_or_default();
        if leases.iter().any(|(leased, _)| *leased == runtime) {
            broker.send(&client, &PushMessage::Hint { runtime_id: runtime }).await;
        }
    }
}
