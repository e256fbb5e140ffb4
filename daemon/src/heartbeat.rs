//! The heartbeat loop of one runtime. Each runtime has its own, so a slow call delays no other runtime, and work runs in
//! tasks beside the loop, so it delays no heartbeat.

use std::sync::Arc;
use std::time::Duration;

use doorbell_client::ClientError;
use doorbell_protocol::{HeartbeatBody, HeartbeatResponse, InFlight, RequestId, RuntimeId, error_text};
use rand::RngExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::agents::Agent;
use crate::session::Session;
use crate::worker::{self, Workers};

/// Sends heartbeats for the runtime of `agent` until `stop`, then waits for the work in progress. Dropping the future drops the work.
///
/// # Errors
/// The server rejects the token.
pub(crate) async fn run(
    session: Arc<Session>,
    agent: Agent,
    stop: CancellationToken,
) -> Result<(), ClientError> {
    let mut workers = Workers::default();
    let mut ticks = interval_at(first_heartbeat(session.interval()), session.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // Before the tick, so that the heartbeat's list of requests in flight is current.
            Some(_) = workers.next_ended() => continue,
            _ = ticks.tick() => {}
        }
        // Read at every heartbeat: another registration may have given the runtime another id.
        let Some(runtime) = session.runtime(&agent) else { continue };
        // `stop` does not interrupt the call: its response may claim a request for this daemon.
        if let Some(request) = heartbeat(&session, runtime.id, workers.in_flight()).await? {
            workers.start(request, worker::run(Arc::clone(&session), runtime, request));
        }
    }
    while workers.next_ended().await.is_some() {}
    Ok(())
}

/// A random part of the interval from now, so that daemons that start together do not always send together.
#[expect(clippy::disallowed_methods, reason = "the interval needs a start on tokio's clock")]
fn first_heartbeat(interval: Duration) -> Instant {
    Instant::now() + interval.mul_f64(rand::rng().random::<f64>())
}

/// One heartbeat, and the request that it claimed. Only a rejected token is an error; after any other failure the next
/// heartbeat tries again.
async fn heartbeat(
    session: &Session,
    runtime: RuntimeId,
    in_flight: Option<InFlight>,
) -> Result<Option<RequestId>, ClientError> {
    let generation = session.generation();
    match send(session, runtime, in_flight).await {
        Ok(response) => Ok(response.claimed.get("pending_model_list").map(|pending| pending.id)),
        Err(error) if error.is_auth_error() => Err(error),
        Err(ClientError::Api { status: 404, error }) if error == error_text::RUNTIME_NOT_FOUND => {
            tracing::info!(%runtime, "runtime not found; registering again");
            reregister(session, generation).await.map(|()| None)
        }
        Err(error) => {
            tracing::warn!(%runtime, %error, "heartbeat failed");
            Ok(None)
        }
    }
}

/// The time limit is that of any call, even when the interval is shorter: a late response may claim a request, which
/// would be lost until its redelivery. The server shows a runtime as online for much longer than one call.
async fn send(
    session: &Session,
    runtime: RuntimeId,
    in_flight: Option<InFlight>,
) -> Result<HeartbeatResponse, ClientError> {
    let body = HeartbeatBody { runtime_id: Some(runtime.to_string()), in_flight };
    session.api().post("/api/daemon/heartbeat", &body).await
}

async fn reregister(session: &Session, generation: u64) -> Result<(), ClientError> {
    match session.reregister(generation).await {
        Err(error) if !error.is_auth_error() => {
            tracing::warn!(%error, "registration failed");
            Ok(())
        }
        result => result,
    }
}
