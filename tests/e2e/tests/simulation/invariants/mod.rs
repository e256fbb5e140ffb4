//! The design's invariants, each held against a whole history, and what there was to hold them against.
//!
//! They are told by what the contract says, with the contract's own numbers, widened by what the clocks may be off.

mod availability;
mod delivery;
mod order;
mod outcomes;
mod walls;
mod winners;

use std::fmt;

use doorbell_protocol::{RequestId, RuntimeId};
use doorbell_shared::request::Delivery;

use crate::asked::{Asked, Workspace};
use crate::history::{Call, End, History, Moment, Step, StepKind, StepOutcome};
use crate::linearizability;
use crate::seed::Run;

/// What has to be true of every history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    OneWinner,
    TerminalIsForEver,
    AcknowledgedIsStored,
    NothingIsStuck,
    FirstComeFirstServed,
    Walls,
    ALostMessageCostsTime,
    /// The calls about a request could have happened one after the other.
    Linearizable,
    /// A runtime that beats is known and can be rung.
    WhatBeatsIsOnline,
    /// No handler hangs or panics.
    EveryCallEnds,
}

/// An invariant that a history does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) invariant: Invariant,
    pub(crate) detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.detail)
    }
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) calls: usize,
    /// Requests, each with a history of its own.
    pub(crate) histories: usize,
    /// Operations in them whose order was searched.
    pub(crate) ordered: usize,
    /// How many requests ended how, as the last poll showed them.
    pub(crate) completed: usize,
    pub(crate) failed: usize,
    pub(crate) timed_out: usize,
    /// Requests that were handed out again, and how many of those were answered.
    pub(crate) redelivered: usize,
    pub(crate) answered_after: usize,
    /// How many of them invariant 7 says are answered.
    pub(crate) must_be_answered: usize,
}

/// Holds every invariant against what happened.
pub(crate) fn check(run: &Run) -> (Checked, Vec<Violation>) {
    let history = &run.history;
    let mut checked = Checked { calls: history.calls.len(), ..Checked::default() };
    let mut violations = Vec::new();
    let mut fail = |invariant, detail| violations.push(Violation { invariant, detail });
    unfinished(history, &mut fail);
    walls::check(history, &mut fail);
    availability::check(history, &mut fail);
    order::check(history, &mut fail);
    let requests = history.requests();
    let stories: Vec<_> = requests.iter().map(|request| Story::of(history, *request)).collect();
    for story in &stories {
        winners::check(story, &mut fail);
        outcomes::check(story, &mut fail);
        match linearizability::check(history, story.request) {
            Ok(ordered) => checked.ordered += ordered,
            Err(detail) => fail(Invariant::Linearizable, detail),
        }
    }
    delivery::check(history, &run.plan, &stories, &mut fail);
    for story in &stories {
        let must = delivery::must_be_answered(history, &run.plan, &stories, story).is_some();
        checked.count(story, must);
    }
    (checked, violations)
}

/// Takes an invariant's name and how it was broken.
type Fail<'f> = &'f mut dyn FnMut(Invariant, String);

fn unfinished(history: &History, fail: Fail<'_>) {
    for call in history.calls.iter().filter(|call| call.end == End::Open) {
        fail(
            Invariant::EveryCallEnds,
            format!("{} asked {:?} at {}", call.by, call.asked, call.began.millis),
        );
    }
}

/// What happened to one request.
struct Story<'h> {
    request: RequestId,
    /// The store's, in the order in which they began, each with the call that took it.
    steps: Vec<(&'h Step, &'h Call)>,
    /// What polls from home showed, in the order in which they began.
    polls: Vec<Poll<'h>>,
}

/// A poll that was answered with the record.
#[derive(Clone, Copy)]
struct Poll<'h> {
    began: Moment,
    ended: Moment,
    status: &'h str,
    record: &'h serde_json::Value,
}

impl<'h> Story<'h> {
    fn of(history: &'h History, request: RequestId) -> Self {
        let steps = history.steps.iter().filter(|step| step.request == request);
        let steps: Vec<_> = steps.map(|step| (step, &history.calls[step.call])).collect();
        let polls = steps.iter().filter(|(step, _)| step.kind == StepKind::Poll);
        let mut polls: Vec<_> = polls.filter_map(|(_, call)| poll(call)).collect();
        polls.sort_unstable_by_key(|poll| poll.began);
        Self { request, steps, polls }
    }

    /// The steps of one kind that were taken from home, in the order in which they began.
    fn steps(&self, kind: StepKind) -> impl Iterator<Item = (&'h Step, &'h Call)> {
        let of_kind = self.steps.iter().filter(move |(step, _)| step.kind == kind);
        of_kind.copied().filter(|(_, call)| call.workspace == Workspace::Home)
    }
}

impl Story<'_> {
    fn is_redelivered(&self) -> bool {
        self.steps(StepKind::ClaimOutcome).any(|(step, _)| {
            let again = step.hand_out.is_some_and(|(delivery, _)| delivery != Delivery::First);
            again && step.outcome == StepOutcome::Done
        })
    }
}

impl Poll<'_> {
    fn is_terminal(&self) -> bool {
        !["pending", "running"].contains(&self.status)
    }
}

fn poll(call: &Call) -> Option<Poll<'_>> {
    let End::Answered(ended, answer) = &call.end else { return None };
    if answer.status != 200 || call.workspace != Workspace::Home {
        return None;
    }
    let (began, ended, record) = (call.began, *ended, &answer.body);
    Some(Poll { began, ended, status: record["status"].as_str()?, record })
}

/// The runtime that a call names.
fn runtime(call: &Call) -> Option<RuntimeId> {
    match call.asked {
        Asked::Ring { runtime } | Asked::HeartbeatOutcome { runtime, .. } | Asked::Deregister { runtime } => {
            Some(runtime)
        }
        Asked::Poll { runtime, .. } | Asked::Report { runtime, .. } => Some(runtime),
        Asked::List { .. } | Asked::Register { .. } => None,
    }
}

impl Checked {
    fn count(&mut self, story: &Story<'_>, must_be_answered: bool) {
        let last = story.polls.last().map(|poll| poll.status);
        self.histories += 1;
        if story.is_redelivered() {
            self.redelivered += 1;
            self.answered_after += usize::from(matches!(last, Some("completed" | "failed")));
            self.must_be_answered += usize::from(must_be_answered);
        }
        match last {
            Some("completed") => self.completed += 1,
            Some("failed") => self.failed += 1,
            Some("timeout") => self.timed_out += 1,
            _ => {}
        }
    }
}

impl std::ops::AddAssign for Checked {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.histories += other.histories;
        self.ordered += other.ordered;
        self.completed += other.completed;
        self.failed += other.failed;
        self.timed_out += other.timed_out;
        self.redelivered += other.redelivered;
        self.answered_after += other.answered_after;
        self.must_be_answered += other.must_be_answered;
    }
}
