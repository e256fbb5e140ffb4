//! The heartbeat of a whole daemon.

use std::sync::atomic::AtomicUsize;

use doorbell_protocol::limits::RUNTIMES_PER_HEARTBEAT;
use doorbell_protocol::{
    DaemonHeartbeat, DaemonHeartbeatResponse, InFlight, RuntimeHeartbeatResponse, RuntimeHeartbeatStatus,
    Work,
};
use doorbell_shared::access::Principal;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, input};
use doorbell_shared::limits::{HEARTBEAT_INTERVAL, LATEST_CLAIM_START, PARALLEL_HEARTBEATS, WORK_BYTES};
use doorbell_shared::presence::HeartbeatChannel;
use doorbell_shared::request::{Request, State};
use doorbell_shared::store::{Store, StoreError, StoreErrorKind};
use futures_util::{StreamExt as _, stream};

use super::proof::{Proof, ProvenRuntime};
use super::runtime::{ClaimLimit, Collected, RuntimeHeartbeat};

/// Serves [`PARALLEL_HEARTBEATS`] runtimes at once.
pub(super) async fn heartbeat<S: Store>(
    state: &AppState<S>,
    caller: &Principal,
    body: DaemonHeartbeat,
    started: Stopwatch,
) -> Result<DaemonHeartbeatResponse, ApiError> {
    let connected = state.push.as_ref().filter(|_| body.push.is_some_and(|push| push.connected));
    let channel = connected.map_or(HeartbeatChannel::Plain, |_| HeartbeatChannel::Connected);
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
        of_runtime(RuntimeHeartbeat { state, caller, runtime, in_flight, channel, started }, &work_bytes)
    });
    // In the order of the body.
    let outcomes: Vec<Outcome> = stream::iter(heartbeats).buffered(PARALLEL_HEARTBEATS).collect().await;
    let mut responses = Vec::with_capacity(outcomes.len());
    let mut recorded = Vec::new();
    let mut failure = None;
    for outcome in outcomes {
        responses.push(outcome.response);
        match outcome.recorded {
            Ok(of_runtime) => recorded.extend(of_runtime),
            Err(error) => failure = Some(error),
        }
    }
    if let Some(failure) = failure.filter(|_| responses.iter().all(is_failed)) {
        return Err(failure);
    }
    let next_heartbeat = match connected {
        Some(channel) => Proof { state, channel, started }.next_heartbeat(&recorded).await,
        None => HEARTBEAT_INTERVAL,
    };
    let next_heartbeat_s = u32::try_from(next_heartbeat.as_secs()).unwrap_or(u32::MAX);
    Ok(DaemonHeartbeatResponse { status: "ok".to_owned(), next_heartbeat_s, runtimes: responses })
}

fn is_failed(response: &RuntimeHeartbeatResponse) -> bool {
    response.status == RuntimeHeartbeatStatus::Failed
}

/// The runtime's part of the response, and what was recorded of it. An error if the server failed.
struct Outcome {
    response: RuntimeHeartbeatResponse,
    recorded: Result<Option<ProvenRuntime>, ApiError>,
}

async fn of_runtime<S: Store>(heartbeat: RuntimeHeartbeat<'_, S>, work_bytes: &AtomicUsize) -> Outcome {
    let id = heartbeat.runtime;
    let without_work = |status, recorded| {
        let response = RuntimeHeartbeatResponse { id, status, work: Vec::new(), cancelled: Vec::new() };
        Outcome { response, recorded }
    };
    // A call that started now could end after this function.
    if heartbeat.started.elapsed() > LATEST_CLAIM_START {
        let late = StoreError::new("heartbeat", StoreErrorKind::Timeout);
        return without_work(RuntimeHeartbeatStatus::Failed, Err(Operation::Heartbeat.failed()(late)));
    }
    match heartbeat.run(ClaimLimit::Many { bytes: work_bytes }).await {
        Ok(Collected { recorded, claimed, cancelled }) => {
            let in_flight = heartbeat.in_flight.iter().flat_map(InFlight::iter);
            let at_work = in_flight.chain(claimed.iter().map(|request| request.address.request)).collect();
            let work = claimed.into_iter().filter_map(work).collect();
            let response =
                RuntimeHeartbeatResponse { id, status: RuntimeHeartbeatStatus::Ok, work, cancelled };
            Outcome { response, recorded: Ok(Some(ProvenRuntime { id, recorded, at_work })) }
        }
        Err(ApiError::RuntimeNotFound) => without_work(RuntimeHeartbeatStatus::Unknown, Ok(None)),
        Err(ApiError::OtherWorkspacesRuntime) => without_work(RuntimeHeartbeatStatus::Foreign, Ok(None)),
        Err(error) => {
            if let ApiError::Store(_, error) = &error {
                tracing::warn!(runtime_id = %id, %error, "heartbeat of a runtime failed");
            }
            without_work(RuntimeHeartbeatStatus::Failed, Err(error))
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
