//! Work on claimed requests: a handler answers, and the answer is reported.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use doorbell_protocol::limits::{BODY_BYTES, IN_FLIGHT_PER_HEARTBEAT};
use doorbell_protocol::{InFlight, Report, RequestId, RuntimeId};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::claim::Claim;
use crate::handlers::{self, Handler, Job, ReportBody};
use crate::registered::Runtime;
use crate::report::{self, report, report_progress};
use crate::session::Session;

/// Answers a request and reports the answer. A failure is reported too: a client waits for it. After `cancel` nothing is reported.
pub(crate) async fn run(session: Arc<Session>, runtime: Runtime, claim: Claim, cancel: CancellationToken) {
    let Runtime { id: runtime, agent } = runtime;
    let request = claim.work.id;
    let kind = claim.work.kind;
    tracing::info!(%runtime, %request, %kind, "request claimed");
    let handler = handlers::find(kind);
    let path = report::path(runtime, handler.segment(), request);
    let (progress, latest) = watch::channel(None);
    let job =
        Job { agent: &agent, claim: &claim, progress: &progress, cancel: &cancel, slots: session.slots() };
    let answer = answer(handler, job, report_progress(session.api(), &path, latest, &cancel)).await;
    if let Err(error) = &answer
        && !cancel.is_cancelled()
    {
        tracing::warn!(%runtime, %request, %kind, %error, "request failed");
    }
    let reported = match &answer {
        Ok(body) => cancel.run_until_cancelled(report(session.api(), &path, body)).await,
        Err(error) => {
            let failed = Report::failed(error.as_str());
            cancel.run_until_cancelled(report(session.api(), &path, &failed)).await
        }
    };
    match reported {
        None => tracing::info!(%runtime, %request, %kind, "request cancelled"),
        Some(Ok(_)) => tracing::info!(%runtime, %request, %kind, "report delivered"),
        Some(Err(error)) => tracing::error!(%runtime, %request, %kind, %error, "report not delivered"),
    }
}

/// The answer of `handler`, unless it is larger than a body that the server reads. A report of progress that is in flight is
/// dropped then.
async fn answer(
    handler: &dyn Handler,
    job: Job<'_>,
    progress: impl Future<Output = Infallible>,
) -> Result<ReportBody, String> {
    let body = tokio::select! {
        biased;
        answer = handler.answer(job) => answer?,
        never = progress => match never {},
    };
    let bytes = body.get().len();
    if bytes > BODY_BYTES {
        return Err(format!("the answer has {bytes} bytes; at most {BODY_BYTES} can be reported"));
    }
    Ok(body)
}

/// The tasks of a daemon. Only the heartbeat loop changes the set, so [`in_flight`](Self::in_flight) is exact when a heartbeat
/// is sent. Dropping it aborts the tasks.
///
/// A request is in flight until its report is delivered or given up; then the server may redeliver it.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    tasks: JoinSet<()>,
    requests: HashMap<Id, Entry>,
}

#[derive(Debug)]
struct Entry {
    runtime: RuntimeId,
    request: RequestId,
    cancel: CancellationToken,
}

impl Workers {
    /// Spawns `work` on a request, with the token that cancels it, unless the request is in flight: a redelivered request needs
    /// no second report.
    pub(crate) fn start<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        runtime: RuntimeId,
        request: RequestId,
        work: impl FnOnce(CancellationToken) -> F,
    ) {
        let of_runtime = self.requests.values().filter(|entry| entry.runtime == runtime);
        let in_flight: Vec<RequestId> = of_runtime.map(|entry| entry.request).collect();
        if in_flight.contains(&request) {
            tracing::info!(%runtime, %request, "request redelivered while in flight");
            return;
        }
        // A heartbeat could not list it. The server redelivers it when there is room.
        if in_flight.len() >= IN_FLIGHT_PER_HEARTBEAT {
            tracing::warn!(%runtime, %request, "too many requests in flight; request left for later");
            return;
        }
        let cancel = CancellationToken::new();
        let task = self.tasks.spawn(work(cancel.clone())).id();
        self.requests.insert(task, Entry { runtime, request, cancel });
    }

    /// Cancels the work on `request`, if it is in flight.
    pub(crate) fn cancel(&self, runtime: RuntimeId, request: RequestId) {
        let is_it = |entry: &&Entry| entry.runtime == runtime && entry.request == request;
        if let Some(entry) = self.requests.values().find(is_it) {
            entry.cancel.cancel();
        }
    }

    /// The next request whose task ended or panicked; `None` when no task is left. Cancel safe.
    pub(crate) async fn next_ended(&mut self) -> Option<RequestId> {
        let ended = self.tasks.join_next_with_id().await?;
        let task = ended.map_or_else(|panicked: JoinError| panicked.id(), |(task, ())| task);
        self.requests.remove(&task).map(|entry| entry.request)
    }

    /// All requests of `runtime` in flight.
    pub(crate) fn in_flight(&self, runtime: RuntimeId) -> Option<InFlight> {
        let of_runtime = self.requests.values().filter(|entry| entry.runtime == runtime);
        of_runtime.map(|entry| entry.request).collect::<Vec<_>>().try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use doorbell_client::{Api, http_client};
    use doorbell_protocol::limits::RUNNING_DEADLINE;
    use doorbell_protocol::{Kind, Timestamp, Work};
    use serde_json::value::to_raw_value;
    use tokio::time::Instant;

    use super::*;
    use crate::agents::Agent;
    use crate::report::{BACKOFF, TRY_TIMEOUT};
    use crate::sources::{self, sample::Sample};

    const CLOCK_SKEW: Duration = Duration::from_secs(5);

    /// Sends one progress, and answers after a second.
    struct AfterProgress;

    #[async_trait]
    impl Handler for AfterProgress {
        fn segment(&self) -> &'static str {
            report::ANY_KIND
        }

        async fn answer(&self, job: Job<'_>) -> Result<ReportBody, String> {
            job.progress.send_replace("1".parse().ok());
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(to_raw_value("answer").unwrap())
        }
    }

    /// A report that hangs ends after 5 s.
    #[expect(clippy::disallowed_methods, reason = "measures tokio's clock")]
    #[tokio::test(start_paused = true)]
    async fn hanging_progress_delays_no_answer() {
        // Connections are accepted by the system and never answered.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let api = Api::new(http_client().unwrap(), url.parse().unwrap(), "token");
        let work = Work {
            id: request(1),
            kind: Kind::MODEL_LIST,
            args: None,
            attempt: 1,
            deadline: Timestamp::from_millis(0).unwrap(),
        };
        let start = Instant::now();
        let claim = Claim::new(work, start, start, None);
        let agent = Agent::new("a", "a", Arc::new(Sample));
        let cancel = CancellationToken::new();
        let slots = handlers::Slots::default();
        let (progress, latest) = watch::channel(None);
        let job = Job { agent: &agent, claim: &claim, progress: &progress, cancel: &cancel, slots: &slots };
        let reports = report_progress(&api, "/", latest, &cancel);
        let answer = answer(&AfterProgress, job, reports).await;
        assert_eq!((answer.unwrap().get(), start.elapsed()), ("\"answer\"", Duration::from_secs(1)));
        assert!(listener.accept().is_ok(), "no progress was reported");
    }

    fn request(number: u128) -> RequestId {
        format!("{number:032x}").parse().unwrap()
    }

    fn runtime(number: u8) -> RuntimeId {
        format!("00000000-0000-4000-8000-{number:012}").parse().unwrap()
    }

    fn list<const N: usize>(requests: [u128; N]) -> Option<InFlight> {
        requests.map(request).to_vec().try_into().ok()
    }

    #[tokio::test]
    async fn request_is_in_flight_until_its_task_ends() {
        let mut workers = Workers::default();
        workers.start(runtime(1), request(1), |_| async {});
        workers.start(runtime(1), request(2), |_| std::future::pending());
        assert_eq!(workers.next_ended().await, Some(request(1)));
        assert_eq!(workers.in_flight(runtime(1)), list([2]));
    }

    #[tokio::test]
    async fn request_is_in_flight_for_its_runtime() {
        let mut workers = Workers::default();
        workers.start(runtime(1), request(1), |_| std::future::pending());
        workers.start(runtime(2), request(2), |_| std::future::pending());
        assert_eq!((workers.in_flight(runtime(1)), workers.in_flight(runtime(2))), (list([1]), list([2])));
    }

    #[tokio::test]
    async fn panicked_task_has_ended() {
        let mut workers = Workers::default();
        workers.start(runtime(1), request(1), |_| async { panic!("the source is broken") });
        assert_eq!(workers.next_ended().await, Some(request(1)));
        assert_eq!(workers.next_ended().await, None);
    }

    #[tokio::test]
    async fn request_in_flight_is_not_started_again() {
        let mut workers = Workers::default();
        workers.start(runtime(1), request(1), |_| async {});
        workers.start(runtime(1), request(1), |_| async { panic!("started again") });
        assert_eq!(workers.next_ended().await, Some(request(1)));
        assert_eq!(workers.next_ended().await, None);
    }

    #[tokio::test]
    async fn cancels_one_request_of_one_runtime() {
        let mut workers = Workers::default();
        let cancelled = |cancel: CancellationToken| async move { cancel.cancelled().await };
        for (of, number) in [(1, 1), (1, 2), (2, 1)] {
            workers.start(runtime(of), request(number), cancelled);
        }
        workers.cancel(runtime(1), request(1));
        assert_eq!(workers.next_ended().await, Some(request(1)));
        assert_eq!((workers.in_flight(runtime(1)), workers.in_flight(runtime(2))), (list([2]), list([1])));
    }

    #[tokio::test]
    async fn starts_no_more_than_a_heartbeat_can_list() {
        let mut workers = Workers::default();
        for number in 0..=IN_FLIGHT_PER_HEARTBEAT {
            workers.start(runtime(1), request(number as u128), |_| std::future::pending());
        }
        workers.start(runtime(2), request(0), |_| std::future::pending());
        let in_flight = workers.in_flight(runtime(1)).unwrap();
        assert_eq!(in_flight.iter().count(), IN_FLIGHT_PER_HEARTBEAT);
        assert_eq!(workers.in_flight(runtime(2)), list([0]));
    }

    /// The claiming heartbeat's response, the list and every try of the report take as long as they may. The 8.5 s left are
    /// more than the clocks of two servers may differ. Questions: see `claim`.
    #[test]
    fn slowest_report_beats_running_deadline() {
        let tries = BACKOFF.iter().map(|wait| *wait + TRY_TIMEOUT).sum::<Duration>();
        for work in [sources::TIMEOUT, handlers::LOCAL_SKILLS_TIMEOUT] {
            let slowest = doorbell_client::TIMEOUT + work + tries;
            assert_eq!(RUNNING_DEADLINE - slowest, Duration::from_millis(8_500));
            assert!(slowest + CLOCK_SKEW < RUNNING_DEADLINE);
        }
    }
}
