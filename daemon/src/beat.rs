//! One runtime's heartbeats. Each runtime has a loop of its own, so that a slow one stalls no other, and work runs beside
//! the loop, so that it never delays a beat.

use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::InFlight;
use doorbell_protocol::id::{RequestId, RuntimeId};
use doorbell_protocol::{HeartbeatBody, HeartbeatResponse};
use rand::RngExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::daemon::{Daemon, Served};
use crate::under_way::UnderWay;
use crate::work;
use doorbell_client::ApiError;

/// The text of the one 404 that means that the server has forgotten the runtime.
const FORGOTTEN: &str = "runtime not found";

/// Beats for `served` until `stop`, then ends with the last work; or until the token is refused. Dropping it drops the
/// work as well.
pub(crate) async fn beat_until(
    daemon: Arc<Daemon>,
    served: Arc<Served>,
    stop: CancellationToken,
) -> Result<(), ApiError> {
    let mut under_way = UnderWay::default();
    let mut beats = interval_at(first_beat(daemon.interval()), daemon.interval());
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // Before the beat, which says what is in flight.
            Some(_) = under_way.next_ended() => continue,
            _ = beats.tick() => {}
        }
        // Not cut off by `stop`: the answer may hold a request, which nobody else is given then.
        if let Some(request) = beat(&daemon, served.id, under_way.in_flight()).await? {
            under_way.begin(request, work::answer(Arc::clone(&daemon), Arc::clone(&served), request));
        }
    }
    while under_way.next_ended().await.is_some() {}
    Ok(())
}

/// After a random part of the interval, so that many daemons started at once do not beat at once for ever.
#[expect(clippy::disallowed_methods, reason = "the interval needs a point of tokio's time to start at")]
fn first_beat(interval: Duration) -> Instant {
    Instant::now() + interval.mul_f64(rand::rng().random::<f64>())
}

/// One beat, and the request that it collected. Only a refused token is an error: everything else is better at the next
/// beat.
async fn beat(
    daemon: &Daemon,
    runtime: RuntimeId,
    in_flight: Option<InFlight>,
) -> Result<Option<RequestId>, ApiError> {
    let registrations = daemon.registrations();
    match send(daemon, runtime, in_flight).await {
        Ok(answer) => Ok(answer.pending_model_list.map(|pending| pending.id)),
        Err(error) if error.is_about_the_token() => Err(error),
        Err(ApiError::Refused { status: 404, error }) if error == FORGOTTEN => {
            tracing::info!(%runtime, "forgotten by the server; registering anew");
            register_anew(daemon, registrations).await.map(|()| None)
        }
        Err(error) => {
            tracing::warn!(%runtime, %error, "heartbeat failed");
            Ok(None)
        }
    }
}

/// Waits as long as for any call, also where the interval is shorter. An answer that comes late may hold a request, and a
/// beat given up on a slow server would lose time, until the server hands it out again; the server takes a runtime for
/// online much longer than that.
async fn send(
    daemon: &Daemon,
    runtime: RuntimeId,
    in_flight: Option<InFlight>,
) -> Result<HeartbeatResponse, ApiError> {
    let body = HeartbeatBody { runtime_id: Some(runtime.to_string()), in_flight };
    daemon.api().post("/api/daemon/heartbeat", &body).await
}

async fn register_anew(daemon: &Daemon, registrations: u64) -> Result<(), ApiError> {
    match daemon.register_anew(registrations).await {
        Err(error) if !error.is_about_the_token() => {
            tracing::warn!(%error, "registration failed");
            Ok(())
        }
        done => done,
    }
}
