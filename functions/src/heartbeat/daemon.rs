//! The heartbeat of a whole daemon.

use std::sync::atomic::AtomicUsize;

use doorbell_protocol::limits::RUNTIMES_PER_HEARTBEAT;
use doorbell_protocol::{
    DaemonHeartbeat, DaemonHeartbeatResponse, RuntimeHeartbeatResponse, RuntimeHeartbeatStatus, Work,
};
use doorbell_shared::access::Principal;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, input};
use doorbell_shared::limits::{HEARTBEAT_INTERVAL, LATEST_CLAIM_START, PARALLEL_HEARTBEATS, WORK_BYTES};
use doorbell_shared::request::{Request, State};
use doorbell_shared::store::{Store, StoreError, StoreErrorKind};
use futures_util::{StreamExt as _, stream};

use super::runtime::{ClaimLimit, RuntimeHeartbeat};

/// Serves [`PARALLEL_HEARTBEATS`] runtimes at once.
pub(super) async fn heartbeat<S: Store>(
    state: &AppState<S>,
    caller: &Principal,
    body: DaemonHeartbeat,
    started: Stopwatch,
) -> Result<DaemonHeartbeatResponse, ApiError> {
    let runtimes = body.runtimes.unwrap_or_default();
    if runtimes.is_empty() {
        return Err(ApiError::RuntimesRequired);
    }
    if runtimes.len() > RUNTIMES_PER_HEARTBEAT {
        return Err(ApiError::TooManyHeartbeats);
    }
    let parsed =
        runtimes.into_iter().map(|runtime| Ok((input::parse_runtime(&runtime.id)?, runtime.in_flight)));
    let runtimes = parsed.collect::<Result<Vec<_>, ApiError>>()?;
    let work_bytes = AtomicUsize::new(WORK_BYTES);
    let heartbeats = runtimes.into_iter().map(|(runtime, in_flight)| {
        of_runtime(RuntimeHeartbeat { state, caller, runtime, in_flight, started }, &work_bytes)
    });
    // In the order of the body.
    let outcomes: Vec<_> = stream::iter(heartbeats).buffered(PARALLEL_HEARTBEATS).collect().await;
    let (runtimes, failures): (Vec<_>, Vec<_>) = outcomes.into_iter().unzip();
    if let Some(failure) = all(failures) {
        return Err(failure);
    }
    let next_heartbeat_s = u32::try_from(HEARTBEAT_INTERVAL.as_secs()).unwrap_or(u32::MAX);
    Ok(DaemonHeartbeatResponse { status: "ok".to_owned(), next_heartbeat_s, runtimes })
}

/// One of the errors, if each runtime has one.
fn all(failures: Vec<Option<ApiError>>) -> Option<ApiError> {
    failures.into_iter().collect::<Option<Vec<_>>>()?.pop()
}

/// The runtime's part of the response, and its error if the server failed.
async fn of_runtime<S: Store>(
    heartbeat: RuntimeHeartbeat<'_, S>,
    work_bytes: &AtomicUsize,
) -> (RuntimeHeartbeatResponse, Option<ApiError>) {
    let id = heartbeat.runtime;
    let respond = |status, work, cancelled| RuntimeHeartbeatResponse { id, status, work, cancelled };
    let without_work = |status| respond(status, Vec::new(), Vec::new());
    // A call that started now could end after this function.
    if heartbeat.started.elapsed() > LATEST_CLAIM_START {
        let late = StoreError::new("heartbeat", StoreErrorKind::Timeout);
        return (without_work(RuntimeHeartbeatStatus::Failed), Some(Operation::Heartbeat.failed()(late)));
    }
    match heartbeat.run(ClaimLimit::Many { bytes: work_bytes }).await {
        Ok(recorded) => {
            let work = recorded.claimed.into_iter().filter_map(work).collect();
            (respond(RuntimeHeartbeatStatus::Ok, work, recorded.cancelled), None)
        }
        Err(ApiError::RuntimeNotFound) => (without_work(RuntimeHeartbeatStatus::Unknown), None),
        Err(ApiError::OtherWorkspacesRuntime) => (without_work(RuntimeHeartbeatStatus::Foreign), None),
        Err(error) => {
            if let ApiError::Store(_, error) = &error {
                tracing::warn!(runtime_id = %id, %error, "heartbeat of a runtime failed");
            }
            (without_work(RuntimeHeartbeatStatus::Failed), Some(error))
        }
    }
}

/// A claimed request is running.
fn work(request: Request) -> Option<Work> {
    let State::Running(lease) = request.state else { return None };
    Some(Work {
        id: request.address.request,
        kind: request.kind,
        attempt: lease.attempt,
        deadline: request.report_by(lease),
        args: request.args,
    })
}
