//! The heartbeats of a daemon: one call for all of its runtimes, or one for each 50 of them at the same time. Work runs in tasks
//! beside the loop, so it delays no heartbeat. A slow call delays the next one by [`doorbell_client::TIMEOUT`] at most.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use doorbell_client::ClientError;
use doorbell_protocol::limits::RUNTIMES_PER_HEARTBEAT;
use doorbell_protocol::{
    DaemonHeartbeat, DaemonHeartbeatResponse, DaemonPush, RuntimeHeartbeat, RuntimeHeartbeatResponse,
    RuntimeHeartbeatStatus, Timestamp,
};
use futures_util::future::join_all;
use rand::RngExt as _;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::claim::Claim;
use crate::clock::now;
use crate::push::inbox::Inbox;
use crate::schedule::{Heartbeat, Outcome, Schedule};
use crate::session::{Runtime, Session};
use crate::worker::{self, Workers};

/// Sends heartbeats until `stop`, then waits for the work in progress. Dropping the future drops the work.
///
/// # Errors
/// The server rejects the token.
pub(crate) async fn run(
    session: Arc<Session>,
    inbox: Arc<Inbox>,
    stop: CancellationToken,
) -> Result<(), ClientError> {
    let mut workers = Workers::default();
    let start = now();
    let mut schedule = Schedule::new(session.interval(), start, start + first_wait(session.interval()));
    loop {
        let link = inbox.link();
        session.show_push_status(schedule.status(&link));
        for runtime in inbox.take_hints() {
            schedule.hint(runtime, now());
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // Before the heartbeat, so that its lists of requests in flight are current.
            Some(_) = workers.next_ended() => continue,
            () = wait_until(schedule.next(&link)) => {}
            () = inbox.changed() => continue,
        }
        // `stop` does not interrupt the calls: their responses may claim requests for this daemon.
        if let Some(heartbeat) = schedule.take(&inbox.link(), now()) {
            send(&session, &mut workers, &mut schedule, &inbox, &heartbeat).await?;
        }
    }
    while workers.next_ended().await.is_some() {}
    Ok(())
}

/// A random part of the interval, so that daemons that start together do not always send together.
fn first_wait(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random::<f64>())
}

/// Tokio's timers round up to a millisecond, which a hint does not wait.
async fn wait_until(time: Instant) {
    if time > now() {
        sleep_until(time).await;
    }
}

/// Deadlines of redelivered requests are compared with it.
#[expect(clippy::disallowed_methods, reason = "the only reader of the machine's clock in this package")]
fn wall_clock() -> Option<Timestamp> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).ok()?)
}

/// One heartbeat, and what follows from it: work, cancellations, a registration, the next heartbeat. Only a rejected token is an
/// error; after any other failure a later heartbeat tries again.
async fn send(
    session: &Arc<Session>,
    workers: &mut Workers,
    schedule: &mut Schedule,
    inbox: &Inbox,
    heartbeat: &Heartbeat,
) -> Result<(), ClientError> {
    // At every heartbeat, because a registration may have changed the ids.
    let mut runtimes = session.runtimes();
    if let Some(hinted) = &heartbeat.runtimes {
        runtimes.retain(|runtime| hinted.contains(&runtime.id));
    }
    let mut outcome = Outcome::default();
    let mut is_unknown = false;
    for (called, response) in call(session, &runtimes, workers, heartbeat.push).await {
        match response {
            Ok(response) => {
                let next = Duration::from_secs(response.next_heartbeat_s.into());
                outcome.next = Some(outcome.next.map_or(next, |earlier| earlier.min(next)));
                for response in response.runtimes {
                    let Some(runtime) = called.iter().find(|runtime| runtime.id == response.id) else {
                        continue;
                    };
                    is_unknown |= response.status == RuntimeHeartbeatStatus::Unknown;
                    if response.status == RuntimeHeartbeatStatus::Failed {
                        outcome.failed.insert(runtime.id);
                    }
                    follow(session, workers, runtime, response, heartbeat.sent);
                }
            }
            Err(error) if error.is_auth_error() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "heartbeat failed");
                outcome.failed.extend(called.iter().map(|runtime| runtime.id));
            }
        }
    }
    schedule.ended(heartbeat, outcome, &inbox.link(), now());
    if is_unknown {
        let is_answered = reregister(session).await?;
        schedule.registered(is_answered, now());
    }
    Ok(())
}

/// The calls of one heartbeat, at the same time, each with its runtimes. Each has the time limit of any call, even when the interval
/// is shorter: a late response may claim requests, which would be lost until their redelivery. The server shows a runtime as online
/// for much longer than one call.
async fn call<'r>(
    session: &Session,
    runtimes: &'r [Runtime],
    workers: &Workers,
    push: Option<DaemonPush>,
) -> Vec<(&'r [Runtime], Result<DaemonHeartbeatResponse, ClientError>)> {
    let calls = runtimes.chunks(RUNTIMES_PER_HEARTBEAT).map(|runtimes| async move {
        let of_runtime = |runtime: &Runtime| RuntimeHeartbeat::new(runtime.id, workers.in_flight(runtime.id));
        let body = DaemonHeartbeat { runtimes: Some(runtimes.iter().map(of_runtime).collect()), push };
        (runtimes, session.api().post("/api/daemon/heartbeat", &body).await)
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

/// Registers all agents: a server that has lost one runtime has usually lost all. Returns whether it answered.
async fn reregister(session: &Session) -> Result<bool, ClientError> {
    match session.register().await {
        Err(error) if error.is_auth_error() => Err(error),
        Err(error) => {
            tracing::warn!(%error, "registration failed");
            Ok(false)
        }
        Ok(_) => Ok(true),
    }
}
