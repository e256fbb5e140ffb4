//! One runtime's heartbeats. Each runtime has a loop of its own, so that a slow one stalls no other, and work runs beside
//! the loop, so that it never delays a beat.

use std::sync::Arc;
use std::time::Duration;

use doorbell_shared::id::RuntimeId;
use doorbell_shared::wire::{HeartbeatAnswer, HeartbeatBody};
use rand::RngExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::ApiError;
use crate::daemon::{Daemon, Served};
use crate::work;

/// The text of the one 404 that means that the server has forgotten the runtime.
const FORGOTTEN: &str = "runtime not found";

/// Beats for `served` until `stop`, or until the token is refused.
pub(crate) async fn beat_until(
    daemon: Arc<Daemon>,
    served: Arc<Served>,
    work: TaskTracker,
    stop: CancellationToken,
) -> Result<(), ApiError> {
    let mut beats = interval_at(first_beat(daemon.interval()), daemon.interval());
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = beats.tick() => {}
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            beat = beat(&daemon, &served, &work) => beat?,
        }
    }
}

/// After a random part of the interval, so that many daemons started at once do not beat at once for ever.
#[expect(clippy::disallowed_methods, reason = "the interval needs a point of tokio's time to start at")]
fn first_beat(interval: Duration) -> Instant {
    Instant::now() + interval.mul_f64(rand::rng().random::<f64>())
}

/// One beat. Only a refused token is an error: everything else is better at the next beat.
async fn beat(daemon: &Arc<Daemon>, served: &Arc<Served>, work: &TaskTracker) -> Result<(), ApiError> {
    let runtime = served.id;
    match send(daemon, runtime).await {
        Ok(HeartbeatAnswer { pending_model_list: None, .. }) => Ok(()),
        Ok(HeartbeatAnswer { pending_model_list: Some(pending), .. }) => {
            tracing::info!(%runtime, request = %pending.id, "collected");
            let (daemon, served) = (Arc::clone(daemon), Arc::clone(served));
            work.spawn(async move {
                work::answer(daemon.api(), served.agent.discoverer.as_ref(), runtime, pending.id).await;
            });
            Ok(())
        }
        Err(error) if error.is_about_the_token() => Err(error),
        Err(ApiError::Refused { status: 404, error }) if error == FORGOTTEN => {
            tracing::info!(%runtime, "forgotten by the server; registering anew");
            register_anew(daemon).await
        }
        Err(error) => {
            tracing::warn!(%runtime, %error, "heartbeat failed");
            Ok(())
        }
    }
}

async fn send(daemon: &Daemon, runtime: RuntimeId) -> Result<HeartbeatAnswer, ApiError> {
    let body = HeartbeatBody { runtime_id: Some(runtime.to_string()) };
    daemon.api().post("/api/daemon/heartbeat", &body).await
}

async fn register_anew(daemon: &Daemon) -> Result<(), ApiError> {
    match daemon.register().await {
        Err(error) if error.is_about_the_token() => Err(error),
        Err(error) => {
            tracing::warn!(%error, "registration failed");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}
