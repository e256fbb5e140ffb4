//! The history of one request as operations on it, each with the time between whose ends it happened, if it did.

use doorbell_protocol::RequestId;
use doorbell_protocol::RequestRecord;

use super::lifecycle::{Op, Ret, Shown, What};
use crate::asked::{Asked, Workspace};
use crate::history::{Call, End, History, Moment, Step, StepKind, StepOutcome};
use doorbell_protocol::time::at;

/// An operation on the request, from when to when.
pub(super) struct Interval {
    pub(super) op: Op,
    pub(super) began: Moment,
    /// `None` when it may or may not have happened.
    pub(super) returned: Option<(Moment, Ret)>,
}

impl Interval {
    pub(super) fn ended(&self) -> Option<Moment> {
        self.returned.as_ref().map(|(ended, _)| *ended)
    }

    /// The record that it was answered with.
    fn shows(&self) -> Option<&Shown> {
        match &self.returned {
            Some((_, Ret::Shown(shown))) => Some(shown),
            _ => None,
        }
    }

    /// When it had shown a terminal state, if it did.
    fn showed_terminal(&self) -> Option<Moment> {
        if self.shows()?.status.is_terminal() { self.ended() } else { None }
    }
}

/// The operations whose order matters, or an answer that none of them can have.
pub(super) fn operations(history: &History, request: RequestId) -> Result<Vec<Interval>, String> {
    let steps = history.steps.iter().filter(|step| step.request == request);
    let mut intervals = Vec::new();
    for step in steps {
        let call = &history.calls[step.call];
        if call.workspace == Workspace::Home {
            intervals.extend(interval(history, call, step)?);
        }
    }
    Ok(thinned(intervals))
}

/// What a step was to its request, as the invocation that took it answered.
fn interval(history: &History, call: &Call, step: &Step) -> Result<Option<Interval>, String> {
    let what = match (step.kind, step.hand_out, &call.asked) {
        // A refused ring and a lost claim change nothing.
        (StepKind::Initiate | StepKind::ClaimOutcome, ..) if step.outcome == StepOutcome::Refused => {
            return Ok(None);
        }
        (StepKind::Initiate, ..) => What::Ring,
        (StepKind::ClaimOutcome, Some((delivery, claim)), _) => What::ClaimOutcome(delivery, claim),
        (StepKind::Report, _, Asked::Report { said, .. }) => What::Report(said.clone()),
        _ => What::Poll { raced: is_raced(history, call, step) },
    };
    let latest = at(call.ended().map_or(0, |ended| i64::try_from(ended.millis).unwrap())).millis();
    let op = Op { now: step.now.millis(), latest, what };
    Ok(Some(Interval { op, began: call.began, returned: returned(call, step)? }))
}

/// Whether anybody may have claimed the request before the poll had ended and after it had begun. What was not answered may
/// be applied at any later time.
fn is_raced(history: &History, call: &Call, step: &Step) -> bool {
    history.steps.iter().any(|other| {
        let clear = other.outcome != StepOutcome::Unclear;
        let ended = history.calls[other.call].ended().filter(|_| clear);
        let overlaps =
            call.ended().is_none_or(|poll| other.began < poll) && ended.is_none_or(|end| step.began < end);
        other.request == step.request && other.kind == StepKind::ClaimOutcome && overlaps
    })
}

fn returned(call: &Call, step: &Step) -> Result<Option<(Moment, Ret)>, String> {
    let End::Answered(ended, answer) = &call.end else { return Ok(None) };
    let ret = match (answer.status, step.kind) {
        (200, StepKind::ClaimOutcome) if call.handed_out() == Some(step.request) => Ret::Handed,
        (_, StepKind::ClaimOutcome) | (500, _) => return Ok(None),
        (200, StepKind::Report) => Ret::Ok,
        (200, _) => Ret::Shown(shown(&answer.body)?),
        (404, _) => Ret::Gone,
        _ => return Err(format!("{}: an answer that is none of the contract's: {answer:?}", call.by)),
    };
    Ok(Some((*ended, ret)))
}

fn shown(body: &serde_json::Value) -> Result<Shown, String> {
    let record = serde_json::from_value::<RequestRecord>(body.clone()).map_err(|error| error.to_string())?;
    let models = record.models.iter().map(|model| model.model().id);
    Ok(Shown {
        status: record.status,
        said: record.error.into_iter().chain(models).collect(),
        created: record.created_at.millis(),
        updated: record.updated_at.millis(),
    })
}

/// Without polls that add nothing but time to the search.
///
/// A lifecycle never comes back to where it was. So where several polls show the same, the request stood like that from
/// some moment before the first of them ended to some moment after the last of them began, and each of the others has a
/// moment in between. Kept besides are the one whose clock was furthest, because a lapse and the end of retention are a
/// matter of the clock, and the one that wrote down what they show, which need not be any of these. A poll that was not answered can have done something only until a terminal state was shown.
fn thinned(intervals: Vec<Interval>) -> Vec<Interval> {
    let settled = intervals.iter().filter_map(Interval::showed_terminal).min();
    let is_idle =
        |poll: &Interval| poll.returned.is_none() && settled.is_some_and(|settled| settled < poll.began);
    let (polls, mut kept): (Vec<_>, Vec<_>) =
        intervals.into_iter().partition(|interval| matches!(interval.op.what, What::Poll { .. }));
    let mut alike: Vec<Vec<Interval>> = Vec::new();
    for poll in polls.into_iter().filter(|poll| !is_idle(poll)) {
        match alike.iter_mut().find(|alike| alike[0].shows() == poll.shows()) {
            Some(alike) if poll.shows().is_some() => alike.push(poll),
            _ => alike.push(vec![poll]),
        }
    }
    kept.extend(alike.into_iter().flat_map(outermost));
    kept
}

/// Of polls that show the same: who ended first, who began last, whose clock was furthest, and who wrote it.
fn outermost(alike: Vec<Interval>) -> Vec<Interval> {
    let first = alike.iter().map(Interval::ended).min();
    let last = alike.iter().map(|poll| poll.began).max();
    let furthest = alike.iter().map(|poll| poll.op.now).max();
    let is_outermost = |poll: &Interval| {
        let wrote = poll.shows().is_some_and(|shown| shown.updated == poll.op.now);
        wrote || Some(poll.ended()) == first || Some(poll.began) == last || Some(poll.op.now) == furthest
    };
    alike.into_iter().filter(is_outermost).collect()
}
