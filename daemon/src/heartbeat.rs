//! One heartbeat: one call for all runtimes of a daemon, or one for each 50 of them at the same time, and the work that follows from it.

use std::sync::Arc;
use std::time::Duration;

use doorbell_client::{CallError, ClientError};
use doorbell_protocol::limits::RUNTIMES_PER_HEARTBEAT;
use doorbell_protocol::{
    DaemonHeartbeat, DaemonHeartbeatResponse, DaemonPush, RuntimeHeartbeat, RuntimeHeartbeatResponse,
    RuntimeHeartbeatStatus,
};
use futures_util::future::join_all;
use tokio::time::Instant;

use crate::claim::Claim;
use crate::clock::now;
use crate::failure::{Failure, retry_after};
use crate::registered::Runtime;
use crate::schedule::{Heartbeat, Outcome};
use crate::session::Session;
use crate::worker::{self, Workers};

/// What came of a heartbeat.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// What the schedule has to know.
    pub(crate) outcome: Outcome,
    /// Whether the server has lost a runtime.
    pub(crate) is_unknown: bool,
    /// Whether a runtime belongs to another workspace or daemon.
    pub(crate) is_foreign: bool,
    /// The error of a call that failed. One about the token comes first.
    pub(crate) error: Option<ClientError>,
    /// Whether the server took the token of a call.
    pub(crate) is_accepted: bool,
}

/// Sends a heartbeat, and starts and cancels work as the server answers.
pub(crate) async fn send(session: &Arc<Session>, workers: &mut Workers, heartbeat: &Heartbeat) -> Sent {
    // At every heartbeat, because a registration may have changed the ids.
    let mut runtimes = session.runtimes();
    if let Some(hinted) = &heartbeat.runtimes {
        runtimes.retain(|runtime| hinted.contains(&runtime.id));
    }
    let mut sent = Sent::default();
    for (called, response) in call(session, &runtimes, workers, heartbeat.push).await {
        match response {
            Ok(response) => {
                sent.is_accepted = true;
                let next = Duration::from_secs(response.next_heartbeat_s.into());
                sent.outcome.next = Some(sent.outcome.next.map_or(next, |earlier| earlier.min(next)));
                for response in response.runtimes {
                    let Some(runtime) = called.iter().find(|runtime| runtime.id == response.id) else {
                        continue;
                    };
                    sent.is_unknown |= response.status == RuntimeHeartbeatStatus::Unknown;
                    sent.is_foreign |= response.status == RuntimeHeartbeatStatus::Foreign;
                    if response.status == RuntimeHeartbeatStatus::Failed {
                        sent.outcome.failed.insert(runtime.id);
                    }
                    follow(session, workers, runtime, response, heartbeat.sent);
                }
            }
            Err(error) => {
                tracing::debug!(%error, "heartbeat failed");
                sent.failed(called, error);
            }
        }
    }
    sent
}

impl Sent {
    fn failed(&mut self, runtimes: &[Runtime], error: CallError) {
        self.outcome.failed.extend(runtimes.iter().map(|runtime| runtime.id));
        self.outcome.retry_after = self.outcome.retry_after.max(retry_after(&error));
        let failure = Failure::of(&error.error);
        self.is_accepted |= failure == Failure::Refused;
        if self.error.is_none() || failure == Failure::Unauthorized {
            self.error = Some(error.error);
        }
    }
}

/// The calls of one heartbeat, at the same time, each with its runtimes. Each has the time limit of any call, even when the interval
/// is shorter: a late response may claim requests, which would be lost until their redelivery. The server shows a runtime as online
/// for much longer than one call.
async fn call<'r>(
    session: &Session,
    runtimes: &'r [Runtime],
    workers: &Workers,
    push: Option<DaemonPush>,
) -> Vec<(&'r [Runtime], Result<DaemonHeartbeatResponse, CallError>)> {
    let calls = runtimes.chunks(RUNTIMES_PER_HEARTBEAT).map(|runtimes| async move {
        let of_runtime = |runtime: &Runtime| RuntimeHeartbeat::new(runtime.id, workers.in_flight(runtime.id));
        let body = DaemonHeartbeat { runtimes: Some(runtimes.iter().map(of_runtime).collect()), push };
        (runtimes, session.api().try_post("/api/daemon/heartbeat", &body).await)
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
        let claim = Claim::new(work, sent, now(), session.clock().now());
        let start = |cancel| worker::run(Arc::clone(session), runtime.clone(), claim, cancel);
        workers.start(id, request, start);
    }
}
