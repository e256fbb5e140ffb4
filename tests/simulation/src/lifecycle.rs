//! The lifecycle as a sequential specification, with its own copy of the contract's times: an error in the product's constants
//! does not repeat here.

use doorbell_protocol::Status;
use doorbell_shared::request::{Delivery, LeaseToken};

use crate::operation::WorkResult;
use crate::seeded::SKEW;

/// The contract's times, in milliseconds.
const PENDING: i64 = 30_000;
const RUNNING: i64 = 60_000;
const RETENTION: i64 = 120_000;
const REDELIVERY: i64 = 5_000;

#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The time on the clock of the instance.
    pub(crate) now: i64,
    /// The true time at the end of the call.
    pub(crate) latest: i64,
    pub(crate) kind: StepKind,
}

/// In a raced poll, a claim comes between the read and the write; the poll then returns the stored record, expired or not.
#[derive(Clone, Debug)]
pub(crate) enum StepKind {
    Initiate,
    Poll { raced: bool },
    Claim(Delivery, LeaseToken),
    Report(WorkResult),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Response {
    Shown(Record),
    Delivered,
    Acknowledged,
    NotFound,
}

/// The variable part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) status: Status,
    pub(crate) text: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestState {
    record: Record,
    /// The time of the first claim, and the lease token.
    lease: Option<(i64, LeaseToken)>,
}

impl RequestState {
    fn new(now: i64) -> Self {
        let record =
            Record { status: Status::Pending, text: String::new(), created_at: now, updated_at: now };
        Self { record, lease: None }
    }

    fn timeout(&self, now: i64) -> Option<&'static str> {
        match (self.record.status, self.lease) {
            (Status::Pending, _) if now - self.record.created_at > PENDING => {
                Some("daemon did not respond within 30 seconds")
            }
            (Status::Running, Some((started, _))) if now - started > RUNNING => {
                Some("daemon did not finish within 60 seconds")
            }
            _ => None,
        }
    }

    fn is_open(&self, now: i64) -> bool {
        !self.record.status.is_terminal() && self.timeout(now).is_none()
    }

    fn is_readable(&self, now: i64) -> bool {
        now - self.record.updated_at <= RETENTION
    }

    fn change(&mut self, status: Status, text: &str, now: i64) {
        self.record = Record { status, text: text.to_owned(), updated_at: now, ..self.record };
    }

    fn claim(&mut self, delivery: Delivery, token: LeaseToken, now: i64) -> Response {
        let started = match (delivery, self.record.status, self.lease) {
            (Delivery::First, Status::Pending, None) => now,
            (Delivery::Redelivery { lease: replaced }, Status::Running, Some((started, held)))
                if held == replaced && now - self.record.updated_at > REDELIVERY =>
            {
                started
            }
            _ => return Response::NotFound,
        };
        if !self.is_open(now) {
            return Response::NotFound;
        }
        self.change(Status::Running, "", now);
        self.lease = Some((started, token));
        Response::Delivered
    }

    fn report(&mut self, result: &WorkResult, now: i64) -> Response {
        if self.is_open(now) {
            let status = if result.completed { Status::Completed } else { Status::Failed };
            self.change(status, &result.text, now);
        }
        Response::Acknowledged
    }

    fn poll(&mut self, now: i64) -> Response {
        if let Some(error) = self.timeout(now) {
            self.change(Status::Timeout, error, now);
        }
        Response::Shown(self.record.clone())
    }
}

/// The state after `step`, and the response to it.
pub(crate) fn apply(state: Option<&RequestState>, step: &Step) -> (Option<RequestState>, Response) {
    let now = step.now;
    if matches!(step.kind, StepKind::Initiate) {
        let state = RequestState::new(now);
        return (Some(state.clone()), Response::Shown(state.record));
    }
    let Some(mut after) = state.filter(|state| state.is_readable(now)).cloned() else {
        return (state.cloned(), Response::NotFound);
    };
    let response = match &step.kind {
        StepKind::Claim(delivery, token) => after.claim(*delivery, *token, now),
        StepKind::Report(result) => after.report(result, now),
        StepKind::Poll { .. } | StepKind::Initiate => after.poll(now),
    };
    (Some(after), response)
}

/// The state after `step`, if `response` is a correct response to it.
pub(crate) fn apply_if_explained(
    state: Option<&RequestState>,
    step: &Step,
    response: &Response,
) -> Option<Option<RequestState>> {
    let (after, expected) = apply(state, step);
    if *response == expected {
        return Some(after);
    }
    let unchanged = match (&step.kind, response) {
        // Retention may have ended on any clock.
        (StepKind::Poll { .. } | StepKind::Report(_), Response::NotFound) => {
            state.is_none_or(|state| !state.is_readable(step.latest + SKEW))
        }
        (StepKind::Poll { raced: true }, Response::Shown(shown)) => {
            state.is_some_and(|state| state.record == *shown)
        }
        _ => false,
    };
    unchanged.then(|| state.cloned())
}
