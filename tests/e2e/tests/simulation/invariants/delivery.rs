//! 7. A lost message costs time, not the answer.
//!
//! Where a daemon says what it has in flight and nothing goes wrong for two beats and what they need besides before the
//! running deadline, a request that was claimed does not time out, whatever was lost before. And no sound heartbeat comes
//! back without work while a request certainly waits for one, whether it was never handed out or lost on its way.

use std::ops::Range;

use doorbell_protocol::RuntimeId;

use super::{Fail, Invariant, Story, runtime};
use crate::asked::{Asked, Workspace};
use crate::history::{Call, History, StepKind, StepOutcome};
use crate::plan::{Plan, QUICK};
use doorbell_protocol::time::SKEW;

/// All in milliseconds. Two clocks may be apart by this.
const APART: u64 = 2 * SKEW.unsigned_abs();
const PENDING: u64 = 30_000;
const RUNNING: u64 = 60_000;
const BEAT: u64 = 15_000;
const CALL: u64 = 10_000;

/// How old a claim has to be, so that everybody's clock says that it may be replaced, also when it was slow or applied late.
const SURELY_UNDELIVERED: u64 = 5_000 + APART + 11_000;

/// A call under way, a beat that comes too soon after the claim, one that does not, the work, and the report, which may be
/// waiting for its next try.
const QUIET: u64 = CALL + 2 * BEAT + QUICK + 3_000;

pub(super) fn check(history: &History, plan: &Plan, stories: &[Story<'_>], fail: Fail<'_>) {
    for story in stories {
        if let Some(times) = must_be_answered(history, plan, stories, story)
            && story.polls.iter().any(|poll| poll.status == "timeout")
        {
            let request = story.request;
            fail(
                Invariant::ALostMessageCostsTime,
                format!("{request} timed out, and all was well in {times:?}"),
            );
        }
    }
    for (number, beat) in idle_beats(history, plan) {
        for passed in stories.iter().filter(|story| surely_waits(story, number, beat)) {
            let (request, by, at) = (passed.request, beat.by, beat.began.millis);
            fail(Invariant::ALostMessageCostsTime, format!("{by} came back without {request} at {at}"));
        }
    }
}

/// The quiet time in which a claimed request has to be answered, if there is one.
pub(super) fn must_be_answered(
    history: &History,
    plan: &Plan,
    stories: &[Story<'_>],
    story: &Story<'_>,
) -> Option<Range<u64>> {
    let runtime = story.runtime()?;
    story.steps(StepKind::ClaimOutcome).find(|(step, _)| step.outcome == StepOutcome::Done)?;
    let (claimed, _) = story.steps(StepKind::ClaimOutcome).next()?;
    let deadline = claimed.began.millis + RUNNING - APART;
    let times = deadline - QUIET..deadline;
    let served = history.lives.iter().any(|life| {
        let (plan, lives) = (life.plan, life.from < times.start && times.end < life.to);
        life.runtime == runtime && plan.tracks && plan.quick && lives
    });
    let others = stories.iter().filter(|other| other.request != story.request);
    let alone = others.filter(|other| other.runtime() == Some(runtime)).all(|other| other.is_over(&times));
    (served && alone && plan.is_quiet(&times)).then_some(times)
}

/// Heartbeats of a quiet time that were answered without work.
fn idle_beats<'h>(history: &'h History, plan: &Plan) -> impl Iterator<Item = (usize, &'h Call)> {
    history.calls.iter().enumerate().filter(move |(_, call)| {
        let quiet = |ended: u64| plan.is_quiet(&(call.began.millis.saturating_sub(CALL)..ended + 1));
        matches!(call.asked, Asked::HeartbeatOutcome { .. })
            && call.workspace == Workspace::Home
            && call.answer().is_some_and(|answer| answer.status == 200)
            && call.handed_out().is_none()
            && call.ended().is_some_and(|ended| quiet(ended.millis))
    })
}

/// Whether the request could be handed to `beat`, whoever's clock is asked.
fn surely_waits(story: &Story<'_>, number: usize, beat: &Call) -> bool {
    let Some(ended) = beat.ended() else { return false };
    if story.runtime() != runtime(beat) || !story.rung_before(beat) {
        return false;
    }
    let others = || story.steps.iter().filter(|(step, _)| step.call != number && step.began < ended);
    let touched =
        others().any(|(step, call)| step.kind == StepKind::Report && call.workspace == Workspace::Home);
    let claims: Vec<_> =
        others().filter(|(step, _)| step.kind == StepKind::ClaimOutcome).map(|(step, _)| step).collect();
    match (claims.first(), claims.last()) {
        _ if touched => false,
        (Some(first), Some(last)) => {
            let done = claims.iter().any(|claim| claim.outcome == StepOutcome::Done);
            let undelivered = last.began.millis + SURELY_UNDELIVERED < beat.began.millis;
            done && undelivered
                && ended.millis + APART < first.began.millis + RUNNING
                && story.is_missed_by(beat)
        }
        _ => story.made().is_some_and(|made| ended.millis + APART < made + PENDING),
    }
}

impl Story<'_> {
    fn runtime(&self) -> Option<RuntimeId> {
        self.steps(StepKind::Initiate).next().and_then(|(_, call)| runtime(call))
    }

    fn made(&self) -> Option<u64> {
        self.steps(StepKind::Initiate).next().map(|(step, _)| step.began.millis)
    }

    fn rung_before(&self, beat: &Call) -> bool {
        let rung = self.steps(StepKind::Initiate).next().map(|(_, call)| call);
        let answered = rung.filter(|call| call.answer().is_some_and(|answer| answer.status == 200));
        answered.and_then(Call::ended).is_some_and(|ended| ended < beat.began)
    }

    /// Whether the beat's daemon says that it does not have it.
    fn is_missed_by(&self, beat: &Call) -> bool {
        match &beat.asked {
            Asked::HeartbeatOutcome { in_flight: Some(in_flight), .. } => !in_flight.contains(&self.request),
            _ => false,
        }
    }

    /// Whether it is surely not handed to anybody in `times`: ended before, or made afterwards.
    fn is_over(&self, times: &Range<u64>) -> bool {
        let ended = self.polls.iter().any(|poll| poll.is_terminal() && poll.ended.millis < times.start);
        ended || self.made().is_none_or(|made| made > times.end)
    }
}
