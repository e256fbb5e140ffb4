//! 5. First come, first served, within one runtime.
//!
//! The queue's order is that of the ids, whose times are those of the instances that made them: two rings closer to each
//! other than the clocks are apart may be served either way.

use doorbell_protocol::RequestId;

use super::{Fail, Invariant, runtime};
use crate::asked::Workspace;
use crate::history::{Call, History, Moment, Step, StepKind};
use doorbell_protocol::time::{SKEW, at};

/// In milliseconds.
const PENDING: i64 = 30_000;

/// A ring that was answered 200.
struct Ring<'h> {
    step: &'h Step,
    call: &'h Call,
    answered: Moment,
}

pub(super) fn check(history: &History, fail: Fail<'_>) {
    let rings = rings(history);
    for later in &rings {
        for earlier in &rings {
            let apart = later.call.began.millis.saturating_sub(earlier.answered.millis);
            if apart > 2 * SKEW.unsigned_abs() && earlier.step.request >= later.step.request {
                let (earlier, later) = (earlier.step.request, later.step.request);
                fail(
                    Invariant::FirstComeFirstServed,
                    format!("{later} was asked {apart} ms after {earlier}"),
                );
            }
        }
    }
    for (number, beat) in history.calls.iter().enumerate() {
        let (Some(request), Some(ended)) = (beat.handed_out(), beat.ended()) else { continue };
        let of_runtime = rings.iter().filter(|ring| runtime(ring.call) == runtime(beat));
        let older = of_runtime.filter(|ring| ring.step.request < request && ring.answered < beat.began);
        for passed in older.filter(|ring| waits(history, ring, number, ended)) {
            let passed = passed.step.request;
            fail(
                Invariant::FirstComeFirstServed,
                format!("{} was handed {request} before {passed}", beat.by),
            );
        }
    }
}

fn rings(history: &History) -> Vec<Ring<'_>> {
    let made = history.steps.iter().filter(|step| step.kind == StepKind::Initiate);
    made.filter_map(|step| ring(history, step)).collect()
}

fn ring<'h>(history: &'h History, step: &'h Step) -> Option<Ring<'h>> {
    let call = &history.calls[step.call];
    let answered = call.workspace == Workspace::Home && call.answer()?.status == 200;
    answered.then_some(Ring { step, call, answered: call.ended()? })
}

/// Whether the ring's request certainly waits to be claimed until `ended`, whoever's clock is asked: nobody but `beat` has
/// tried to change it.
fn waits(history: &History, ring: &Ring<'_>, beat: usize, ended: Moment) -> bool {
    let latest = at(i64::try_from(ended.millis).unwrap() + SKEW).millis();
    let request: RequestId = ring.step.request;
    let touched = history.steps.iter().any(|step| {
        let changes = matches!(step.kind, StepKind::ClaimOutcome | StepKind::Report);
        step.request == request && changes && step.call != beat && step.began < ended
    });
    !touched && latest - ring.step.now.millis() <= PENDING
}
