//! Questions: each kind that the machine's owner declares, answered by a program.

use async_trait::async_trait;
use doorbell_protocol::Report;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::{CANCELLED, Handler, Job, ReportBody, Slots, body};
use crate::report::ANY_KIND;

pub(super) struct Question;

#[async_trait]
impl Handler for Question {
    fn segment(&self) -> &'static str {
        ANY_KIND
    }

    async fn answer(&self, job: Job<'_>) -> Result<ReportBody, String> {
        let work = &job.claim.work;
        // Registered with this name by an earlier configuration, or a built-in kind of a newer server.
        let undeclared = || {
            format!(
                "this daemon does not answer \"{}\"; `doorbell questions` lists what it answers",
                work.kind
            )
        };
        let question = job.agent.questions.get(work.kind).ok_or_else(undeclared)?;
        let end = job.claim.end(question.timeout());
        let _slot = slot(job, end).await?;
        let result = question.run_until(work.id, work.args.as_ref(), end, job.progress, job.cancel).await;
        body(&Report::completed(result.map_err(|error| error.to_string())?))
    }
}

/// Waits for one of the slots for programs.
async fn slot(job: Job<'_>, end: Instant) -> Result<SemaphorePermit<'_>, String> {
    let acquired = job.cancel.run_until_cancelled(timeout_at(end, job.slots.programs.acquire())).await;
    let busy = |_| {
        format!(
            "{} was not started in time, because this daemon runs at most {} programs at once; ask again later",
            job.claim.work.kind,
            Slots::PROGRAMS
        )
    };
    acquired.ok_or(CANCELLED)?.map_err(busy)?.map_err(|_| CANCELLED.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use doorbell_protocol::{Timestamp, Work};
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::agents::Agent;
    use crate::claim::Claim;
    use crate::sources::sample::Sample;

    const TIME: Duration = Duration::from_secs(50);

    /// Waits for a slot for [`TIME`], beside `programs` and what `then` does.
    #[expect(clippy::disallowed_methods, reason = "an instant of tokio's clock")]
    async fn slot_beside(
        programs: usize,
        cancel: &CancellationToken,
        then: impl Future<Output = ()>,
    ) -> (Duration, Result<(), String>) {
        let deadline = Timestamp::from_millis(0).unwrap();
        let id = "01930000000070008000000000000001".parse().unwrap();
        let kind = "load".parse().unwrap();
        let start = Instant::now();
        let claim = Claim::new(Work { id, kind, args: None, attempt: 1, deadline }, start, start, None);
        let agent = Agent::new("a", "a", Arc::new(Sample));
        let slots = Slots::default();
        let mut running: Vec<_> = (0..programs).map(|_| slots.programs.try_acquire().unwrap()).collect();
        let (progress, _) = watch::channel(None);
        let job = Job { agent: &agent, claim: &claim, progress: &progress, cancel, slots: &slots };
        let wait = async {
            let slot = slot(job, start + TIME).await;
            (start.elapsed(), slot.map(|_| ()))
        };
        let others = async {
            then.await;
            running.pop();
        };
        let (waited, ()) = tokio::join!(wait, others);
        waited
    }

    #[tokio::test(start_paused = true)]
    async fn slot_is_free_beside_seven_programs() {
        let waited =
            slot_beside(Slots::PROGRAMS - 1, &CancellationToken::new(), std::future::ready(())).await;
        assert_eq!(waited, (Duration::ZERO, Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn slot_is_free_after_end_of_a_program() {
        let earlier = tokio::time::sleep(TIME / 2);
        let waited = slot_beside(Slots::PROGRAMS, &CancellationToken::new(), earlier).await;
        assert_eq!(waited, (TIME / 2, Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn wait_for_slot_ends_with_the_time_limit() {
        let later = tokio::time::sleep(TIME * 2);
        let (waited, slot) = slot_beside(Slots::PROGRAMS, &CancellationToken::new(), later).await;
        let text = "load was not started in time, because this daemon runs at most 8 programs at once; ask again later";
        assert_eq!((waited, slot), (TIME, Err(text.to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_request_waits_for_no_slot() {
        let cancel = CancellationToken::new();
        let cancelled = async {
            tokio::time::sleep(TIME / 2).await;
            cancel.cancel();
            tokio::time::sleep(TIME).await;
        };
        assert_eq!(slot_beside(Slots::PROGRAMS, &cancel, cancelled).await.0, TIME / 2);
    }
}
