//! The heartbeats of a daemon: one call for all of its runtimes, or one for each 50 of them at the same time. Work runs in tasks
//! beside the loop, so it delays no heartbeat. A slow call delays the next one by [`doorbell_client::TIMEOUT`] at most.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use doorbell_client::ClientError;
use doorbell_protocol::limits::RUNTIMES_PER_HEARTBEAT;
use doorbell_protocol::{
    DaemonHeartbeat, DaemonHeartbeatResponse, RuntimeHeartbeat, RuntimeHeartbeatResponse,
    RuntimeHeartbeatStatus, Timestamp,
};
use futures_util::future::join_all;
use rand::RngExt as _;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::claim::Claim;
use crate::session::{Runtime, Session};
use crate::worker::{self, Workers};

/// The shortest interval that the server can ask for.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Sends heartbeats for all runtimes until `stop`, then waits for the work in progress. Dropping the future drops the work.
///
/// # Errors
/// The server rejects the token.
pub(crate) async fn run(session: Arc<Session>, stop: CancellationToken) -> Result<(), ClientError> {
    let mut workers = Workers::default();
    let mut next = now() + first_wait(session.interval());
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // Before the heartbeat, so that its lists of requests in flight are current.
            Some(_) = workers.next_ended() => continue,
            () = sleep_until(next) => {}
        }
        let sent = now();
        // `stop` does not interrupt the calls: their responses may claim requests for this daemon.
        let wait = heartbeat(&session, &mut workers, sent).await?;
        // Heartbeats that a slow call has missed are skipped.
        next = now().max(sent + wait);
    }
    while workers.next_ended().await.is_some() {}
    Ok(())
}

/// A random part of the interval, so that daemons that start together do not always send together.
fn first_wait(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random::<f64>())
}

#[expect(clippy::disallowed_methods, reason = "the loop follows tokio's clock")]
fn now() -> Instant {
    Instant::now()
}

/// Deadlines of redelivered requests are compared with it.
#[expect(clippy::disallowed_methods, reason = "the only reader of the machine's clock in this package")]
fn wall_clock() -> Option<Timestamp> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).ok()?)
}

/// One heartbeat of all runtimes, and what follows from it: work, cancellations, a registration. Returns the wait until the next
/// one. Only a rejected token is an error; after any other failure the next heartbeat tries again.
async fn heartbeat(
    session: &Arc<Session>,
    workers: &mut Workers,
    sent: Instant,
) -> Result<Duration, ClientError> {
    // At every heartbeat, because a registration may have changed the ids.
    let runtimes = session.runtimes();
    let mut wait = session.interval();
    let mut is_unknown = false;
    for response in send(session, &runtimes, workers).await {
        match response {
            Ok(response) => {
                let asked = Duration::from_secs(response.next_heartbeat_s.into());
                wait = wait.min(asked.max(SHORTEST_INTERVAL));
                for response in response.runtimes {
                    let Some(runtime) = runtimes.iter().find(|runtime| runtime.id == response.id) else {
                        continue;
                    };
                    is_unknown |= response.status == RuntimeHeartbeatStatus::Unknown;
                    follow(session, workers, runtime, response, sent);
                }
            }
            Err(error) if error.is_auth_error() => return Err(error),
            Err(error) => tracing::warn!(%error, "heartbeat failed"),
        }
    }
    if is_unknown {
        reregister(session).await?;
    }
    Ok(wait)
}

/// The calls of one heartbeat, at the same time. Each has the time limit of any call, even when the interval is shorter: a late
/// response may claim requests, which would be lost until their redelivery. The server shows a runtime as online for much longer
/// than one call.
async fn send(
    session: &Session,
    runtimes: &[Runtime],
    workers: &Workers,
) -> Vec<Result<DaemonHeartbeatResponse, ClientError>> {
    let calls = runtimes.chunks(RUNTIMES_PER_HEARTBEAT).map(|runtimes| async move {
        let of_runtime = |runtime: &Runtime| RuntimeHeartbeat::new(runtime.id, workers.in_flight(runtime.id));
        let runtimes = Some(runtimes.iter().map(of_runtime).collect());
        let body = DaemonHeartbeat { runtimes, push: None };
        session.api().post("/api/daemon/heartbeat", &body).await
    });
    join_all(calls).await
}

/// Starts and cancels work as the server answered for one runtime.
fn follow(
    session: &Arc<Session>,
    workers: &mut Workers,
    runtime: &Runtime,
    response: RuntimeHeartbeatResponse,
    sent: Instant,
) {
    let RuntimeHeartbeatResponse { id, status, work, cancelled } = response;
    match status {
        RuntimeHeartbeatStatus::Ok => {}
        RuntimeHeartbeatStatus::Unknown => {
            tracing::info!(runtime = %id, "runtime not found; registering again");
        }
        RuntimeHeartbeatStatus::Foreign => {
            tracing::warn!(runtime = %id, "runtime belongs to another workspace or daemon");
        }
        RuntimeHeartbeatStatus::Failed => tracing::warn!(runtime = %id, "heartbeat failed"),
    }
    for request in cancelled {
        workers.cancel(id, request);
    }
    for work in work {
        let request = work.id;
        let claim = Claim::new(work, sent, now(), wall_clock());
        let start = |cancel| worker::run(Arc::clone(session), runtime.clone(), claim, cancel);
        workers.start(id, request, start);
    }
}

/// Registers all agents: a server that has lost one runtime has usually lost all.
async fn reregister(session: &Session) -> Result<(), ClientError> {
    match session.register().await {
        Err(error) if error.is_auth_error() => Err(error),
        Err(error) => {
            tracing::warn!(%error, "registration failed");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}
