//! What happened: every invocation of a function with its answer, and every step that it took in the store.
//!
//! Only the simulation writes here, and only [`crate::invariants`] reads: the parties know what their answers tell them.

use std::fmt;

use doorbell_shared::request::LeaseToken;
use doorbell_protocol::{RequestId, RuntimeId};
use doorbell_shared::request::Delivery;
use doorbell_protocol::Timestamp;
use doorbell_test_support::Answer;

use crate::asked::{Asked, Workspace};
use crate::faults::{Fault, Faults};
use crate::plan::DaemonPlan;

/// When something happened. `order` tells apart what happened within one millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) millis: u64,
    pub(crate) order: u64,
}

/// One invocation of a function. A duplicated request is two.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordedCall {
    pub(crate) by: &'static str,
    pub(crate) workspace: Workspace,
    pub(crate) asked: Asked,
    /// Which function instance, and how far its clock is ahead in milliseconds.
    pub(crate) instance: usize,
    pub(crate) skew: i64,
    pub(crate) began: Moment,
    pub(crate) end: End,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// It has not. At the end of a simulation this is a handler that panicked or hung.
    Open,
    /// It was answered, whether or not the answer arrived.
    Answered(Moment, Answer),
    /// Its instance crashed.
    Crashed(Moment),
}

/// A step in the store that bears on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Which invocation took it.
    pub(crate) call: usize,
    pub(crate) kind: StepKind,
    pub(crate) request: RequestId,
    /// What time the invocation's instance thought it was.
    pub(crate) now: Timestamp,
    /// How a claim is to be made, and its mark.
    pub(crate) hand_out: Option<(Delivery, LeaseToken)>,
    pub(crate) began: Moment,
    pub(crate) outcome: StepOutcome,
}

/// A daemon's process, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) runtime: RuntimeId,
    pub(crate) plan: DaemonPlan,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// The operations of the store that bear on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepKind {
    Initiate,
    Poll,
    ClaimOutcome,
    Report,
}

/// What the store answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepOutcome {
    /// Nothing, or an error: it may have happened, or may happen yet.
    Unclear,
    /// It changed the request, or showed it.
    Done,
    /// It did not.
    Refused,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    pub(crate) calls: Vec<Call>,
    pub(crate) steps: Vec<Step>,
    pub(crate) lives: Vec<Life>,
    pub(crate) faults: Faults,
    notes: Vec<(Moment, String)>,
    order: u64,
}

impl History {
    /// Now, as the next thing to happen.
    pub(crate) fn moment(&mut self, millis: u64) -> Moment {
        self.order += 1;
        Moment { millis, order: self.order }
    }

    pub(crate) fn fault(&mut self, millis: u64, fault: Fault) {
        let moment = self.moment(millis);
        self.faults.note(fault);
        self.notes.push((moment, format!("! {fault:?}")));
    }

    /// Every request that was made, or may have been, in the order of their ids.
    pub(crate) fn requests(&self) -> Vec<RequestId> {
        let initiated = self.steps.iter().filter(|step| step.kind == StepKind::Initiate);
        let made = initiated.filter(|step| step.outcome != StepOutcome::Refused);
        let mut made: Vec<_> = made.map(|step| step.request).collect();
        made.sort_unstable();
        made
    }
}

impl RecordedCall {
    pub(crate) fn answer(&self) -> Option<&Answer> {
        match &self.end {
            End::Answered(_, answer) => Some(answer),
            _ => None,
        }
    }

    pub(crate) fn ended(&self) -> Option<Moment> {
        match &self.end {
            End::Answered(moment, _) | End::Crashed(moment) => Some(*moment),
            End::Open => None,
        }
    }

    /// The request that a heartbeat was answered with.
    pub(crate) fn handed_out(&self) -> Option<RequestId> {
        self.answer()?.body["pending_model_list"]["id"].as_str()?.parse().ok()
    }
}

impl fmt::Display for History {
    /// Everything, in the order in which it happened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<(Moment, String)> = self.notes.clone();
        for (number, call) in self.calls.iter().enumerate() {
            let (by, asked, instance, skew) = (call.by, &call.asked, call.instance, call.skew);
            lines.push((
                call.began,
                format!("#{number} {by} at instance {instance} ({skew:+} ms): {asked:?}"),
            ));
            lines.extend(call.ended().map(|at| (at, format!("#{number} {by}: {}", call.end))));
        }
        for Step { call, kind, request, now, began, outcome, .. } in &self.steps {
            lines.push((*began, format!("#{call}   store: {kind:?} {request} at {now}: {outcome:?}")));
        }
        lines.sort_unstable();
        let mut lines = lines.iter();
        lines.try_for_each(|(at, line)| writeln!(f, "{:>8.3} {line}", at.millis as f64 / 1000.0))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("no end"),
            Self::Answered(_, answer) => write!(f, "{} {}", answer.status, answer.body),
            Self::Crashed(_) => f.write_str("crashed"),
        }
    }
}
