//! Heartbeat: records that runtimes are alive, and returns claimed requests. `POST /api/daemon/heartbeat`.
//!
//! The body is the heartbeat of one runtime, as the reference server's daemons send it, or that of a whole daemon.

mod daemon;
mod proof;
mod runtime;

use doorbell_protocol::{DaemonHeartbeatResponse, HeartbeatBody, HeartbeatResponse, Scope};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::limits::SLOW_HEARTBEAT_THRESHOLD;
use doorbell_shared::presence::HeartbeatChannel;
use doorbell_shared::store::Store;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use self::runtime::{ClaimLimit, RuntimeHeartbeat};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("heartbeat", |_| Operation::Heartbeat, request, heartbeat(state, request)).await
}

/// Which form a body has.
#[derive(Deserialize)]
struct Form {
    /// Only the heartbeat of a whole daemon has this field.
    #[serde(default)]
    runtimes: Option<IgnoredAny>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnyResponse {
    Runtime(HeartbeatResponse),
    Daemon(DaemonHeartbeatResponse),
}

async fn heartbeat<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<AnyResponse, ApiError> {
    let caller = caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let started = Stopwatch::start();
    let response = if input::body::<Form>(request)?.runtimes.is_some() {
        let body = input::body(request)?;
        AnyResponse::Daemon(daemon::heartbeat(state, &caller, body, started).await?)
    } else {
        let body: HeartbeatBody = input::body(request)?;
        let runtime = input::required(body.runtime_id, ApiError::RuntimeIdRequired)?;
        let runtime = input::body_runtime(&runtime)?;
        let in_flight = body.in_flight;
        let channel = HeartbeatChannel::Plain;
        let heartbeat = RuntimeHeartbeat { state, caller: &caller, runtime, in_flight, channel, started };
        let collected = heartbeat.run(ClaimLimit::OnePerBuiltInKind).await?;
        AnyResponse::Runtime(HeartbeatResponse::new(collected.by_field()))
    };
    if started.elapsed() >= SLOW_HEARTBEAT_THRESHOLD {
        // The span has the duration of each step.
        tracing::warn!(total_ms = started.elapsed_ms(), "slow heartbeat");
    }
    Ok(response)
}
