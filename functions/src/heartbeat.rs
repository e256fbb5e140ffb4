//! Heartbeat: records that runtimes are alive, and returns claimed requests. `POST /api/daemon/heartbeat`.
//!
//! The body is the heartbeat of one runtime, as the reference server's daemons send it, or that of a whole daemon.

mod daemon;
mod proof;
mod runtime;

use doorbell_protocol::{
    DaemonHeartbeatResponse, HeartbeatBody, HeartbeatResponse, RuntimeHeartbeatStatus, Scope,
};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::access_log::Idle;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::{Operation, json};
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond_with};
use doorbell_shared::limits::SLOW_HEARTBEAT_THRESHOLD;
use doorbell_shared::presence::HeartbeatChannel;
use doorbell_shared::store::Store;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use self::runtime::{ClaimLimit, RuntimeHeartbeat};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond_with("heartbeat", |_| Operation::Heartbeat, request, heartbeat(state, request), response).await
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

impl AnyResponse {
    /// Whether every runtime was recorded and nothing was handed out.
    fn is_idle(&self) -> bool {
        match self {
            Self::Runtime(response) => response.claimed.is_empty(),
            Self::Daemon(response) => response.runtimes.iter().all(|runtime| {
                let is_ok = runtime.status == RuntimeHeartbeatStatus::Ok;
                is_ok && runtime.work.is_empty() && runtime.cancelled.is_empty()
            }),
        }
    }
}

fn response(body: &AnyResponse) -> Response {
    let mut response = json(200, body);
    if body.is_idle() {
        response.extensions_mut().insert(Idle);
    }
    response
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
