//! Work on claimed requests: list the models of the agent program and report them.

use std::collections::HashMap;
use std::sync::Arc;

use doorbell_protocol::{InFlight, ModelListReport, RequestId};
use tokio::task::{Id, JoinError, JoinSet};

use crate::report::report;
use crate::session::{Runtime, Session};
use crate::sources::list_with_timeout;

/// Works on `request` and reports its outcome. A failure is reported too: a client waits for it.
pub(crate) async fn run(session: Arc<Session>, runtime: Runtime, request: RequestId) {
    let Runtime { id: runtime, agent } = runtime;
    tracing::info!(%runtime, %request, "request claimed");
    let outcome = match list_with_timeout(agent.source.as_ref()).await {
        Ok(result) => {
            tracing::info!(%runtime, %request, models = result.models.len(), "models listed");
            ModelListReport::completed(result)
        }
        Err(error) => {
            tracing::warn!(%runtime, %request, %error, "models not listed");
            ModelListReport::failed(error.to_string())
        }
    };
    match report(session.api(), runtime, request, &outcome).await {
        Ok(()) => tracing::info!(%runtime, %request, "report delivered"),
        Err(error) => tracing::error!(%runtime, %request, %error, "report not delivered"),
    }
}

/// The tasks of one runtime. Only its heartbeat loop changes the set, so [`in_flight`](Self::in_flight) is exact when a
/// heartbeat is sent. Dropping it aborts the tasks.
///
/// A request is in flight until its report is delivered or given up; then the server may redeliver it.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    tasks: JoinSet<()>,
    requests: HashMap<Id, RequestId>,
}

impl Workers {
    /// Spawns `work` on `request`, unless the request is in flight: a redelivered request needs no second report.
    pub(crate) fn start(&mut self, request: RequestId, work: impl Future<Output = ()> + Send + 'static) {
        if self.requests.values().any(|in_flight| *in_flight == request) {
            tracing::info!(%request, "request redelivered while in flight");
            return;
        }
        let task = self.tasks.spawn(work).id();
        self.requests.insert(task, request);
    }

    /// The next request whose task ended or panicked; `None` when no task is left. Cancel safe.
    pub(crate) async fn next_ended(&mut self) -> Option<RequestId> {
        let ended = self.tasks.join_next_with_id().await?;
        let task = ended.map_or_else(|panicked: JoinError| panicked.id(), |(task, ())| task);
        self.requests.remove(&task)
    }

    /// All requests in flight; `None` when there are more than a heartbeat may list.
    pub(crate) fn in_flight(&self) -> Option<InFlight> {
        self.requests.values().copied().collect::<Vec<_>>().try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorbell_protocol::limits::RUNNING_DEADLINE;

    use super::*;
    use crate::report::{BACKOFF, TRY_TIMEOUT};
    use crate::sources;

    const CLOCK_SKEW: Duration = Duration::from_secs(5);

    fn request(number: u128) -> RequestId {
        format!("{number:032x}").parse().unwrap()
    }

    #[tokio::test]
    async fn request_is_in_flight_until_its_task_ends() {
        let mut workers = Workers::default();
        workers.start(request(1), async {});
        workers.start(request(2), std::future::pending());
        assert_eq!(workers.next_ended().await, Some(request(1)));
        assert_eq!(workers.in_flight(), Some(vec![request(2)].try_into().unwrap()));
    }

    #[tokio::test]
    async fn panicked_task_has_ended() {
        let mut workers = Workers::default();
        workers.start(request(1), async { panic!("the source is broken") });
        assert_eq!(workers.next_ended().await, Some(request(1)));
        assert_eq!(workers.next_ended().await, None);
    }

    #[tokio::test]
    async fn request_in_flight_is_not_started_again() {
        let mut workers = Workers::default();
        workers.start(request(1), async {});
        workers.start(request(1), async { panic!("started again") });
        assert_eq!(workers.next_ended().await, Some(request(1)));
        assert_eq!(workers.next_ended().await, None);
    }

    /// The claiming heartbeat's response, the source and every try of the report take as long as they may. The 8.5 s left
    /// are more than the clocks of two servers may differ.
    #[test]
    fn slowest_report_beats_running_deadline() {
        let tries = BACKOFF.iter().map(|wait| *wait + TRY_TIMEOUT);
        let slowest = doorbell_client::TIMEOUT + sources::TIMEOUT + tries.sum::<Duration>();
        assert_eq!(RUNNING_DEADLINE - slowest, Duration::from_millis(8_500));
        assert!(slowest + CLOCK_SKEW < RUNNING_DEADLINE);
    }
}
