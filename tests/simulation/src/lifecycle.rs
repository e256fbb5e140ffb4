//! The lifecycle as a sequential specification. The times are those of [`asked`](crate::asked), not the product's.

use doorbell_protocol::Status;
use doorbell_shared::request::{ClaimFilter, LeaseToken};

use crate::asked::Times;
use crate::operation::{Route, WorkResult};
use crate::seeded::SKEW;

/// The age of a lease that may be replaced, in milliseconds.
const REDELIVERY: i64 = 5_000;

const CANCELLED: &str = "cancelled";

#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The time on the clock of the instance.
    pub(crate) now: i64,
    /// The true time at the end of the call.
    pub(crate) latest: i64,
    pub(crate) kind: StepKind,
}

/// In a raced poll or cancellation, a claim or progress comes between the read and the write; the stored record is then shown,
/// expired or not.
#[derive(Clone, Debug)]
pub(crate) enum StepKind {
    Initiate(Times),
    Poll { raced: bool },
    Cancel { raced: bool },
    Claim(ClaimFilter, LeaseToken),
    Report(WorkResult),
    Progress(String),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Response {
    Shown(Record),
    /// The attempt is unknown if the response does not have it.
    Delivered {
        attempt: Option<u32>,
    },
    /// Only the generic route shows whether the request was cancelled.
    Acknowledged {
        cancelled: Option<bool>,
    },
    NotFound,
}

/// The variable part of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) status: Status,
    pub(crate) text: String,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    /// Of a running request, on the generic route.
    pub(crate) running: Option<Running>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Running {
    pub(crate) attempt: u32,
    pub(crate) progress: Option<String>,
}

impl Record {
    /// As the route shows it.
    pub(crate) fn on(self, route: Route) -> Self {
        match route {
            Route::Models => Self { running: None, ..self },
            Route::Generic => self,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lease {
    claimed_at: i64,
    leased_at: i64,
    token: LeaseToken,
    attempt: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestState {
    times: Times,
    status: Status,
    text: String,
    created_at: i64,
    updated_at: i64,
    lease: Option<Lease>,
    progress: Option<String>,
}

impl RequestState {
    fn new(times: Times, now: i64) -> Self {
        Self {
            times,
            status: Status::Pending,
            text: String::new(),
            created_at: now,
            updated_at: now,
            lease: None,
            progress: None,
        }
    }

    fn record(&self) -> Record {
        let running = self.lease.as_ref().filter(|_| self.status == Status::Running);
        Record {
            status: self.status,
            text: self.text.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            running: running.map(|lease| Running { attempt: lease.attempt, progress: self.progress.clone() }),
        }
    }

    fn timeout(&self, now: i64) -> Option<String> {
        let Times { pending, running, .. } = self.times;
        match (self.status, &self.lease) {
            (Status::Pending, _) if now - self.created_at > pending => {
                Some(format!("daemon did not respond within {} seconds", pending / 1_000))
            }
            (Status::Running, Some(lease)) if now - lease.claimed_at > running => {
                Some(format!("daemon did not finish within {} seconds", running / 1_000))
            }
            _ => None,
        }
    }

    fn is_open(&self, now: i64) -> bool {
        !self.status.is_terminal() && self.timeout(now).is_none()
    }

    fn is_cancelled(&self) -> bool {
        self.status == Status::Failed && self.text == CANCELLED
    }

    fn is_readable(&self, now: i64) -> bool {
        let waits = self.times.queued && self.status == Status::Pending;
        let start = if waits { self.created_at + self.times.pending } else { self.updated_at };
        now - start <= self.times.retention
    }

    fn change(&mut self, status: Status, text: impl Into<String>, now: i64) {
        self.status = status;
        self.text = text.into();
        self.updated_at = now;
    }

    fn claim(&mut self, filter: ClaimFilter, token: LeaseToken, now: i64) -> Response {
        let lease = match (self.status, &self.lease) {
            (Status::Running, Some(lease)) if lease.token == token => lease.clone(),
            _ if !self.is_open(now) => return Response::NotFound,
            (Status::Pending, _) => Lease { claimed_at: now, leased_at: now, token, attempt: 1 },
            (Status::Running, Some(lease))
                if filter == ClaimFilter::PendingOrLost && now - lease.leased_at > REDELIVERY =>
            {
                Lease { leased_at: now, token, attempt: lease.attempt + 1, ..*lease }
            }
            _ => return Response::NotFound,
        };
        let attempt = Some(lease.attempt);
        if self.lease.as_ref() != Some(&lease) {
            self.change(Status::Running, "", now);
            self.lease = Some(lease);
        }
        Response::Delivered { attempt }
    }

    fn report(&mut self, result: &WorkResult, now: i64) -> Response {
        if self.is_open(now) {
            let status = if result.completed { Status::Completed } else { Status::Failed };
            self.change(status, &result.text, now);
        }
        Response::Acknowledged { cancelled: Some(self.is_cancelled()) }
    }

    fn progress(&mut self, progress: &str, now: i64) -> Response {
        if self.status == Status::Running && self.is_open(now) {
            self.progress = Some(progress.to_owned());
            self.updated_at = now;
        }
        Response::Acknowledged { cancelled: Some(self.is_cancelled()) }
    }

    fn poll(&mut self, now: i64) -> Response {
        if let Some(error) = self.timeout(now) {
            self.change(Status::Timeout, error, now);
        }
        Response::Shown(self.record())
    }

    fn cancel(&mut self, now: i64) -> Response {
        if self.is_open(now) {
            self.change(Status::Failed, CANCELLED, now);
        }
        self.poll(now)
    }
}

/// The state after `step`, and the response to it.
pub(crate) fn apply(state: Option<&RequestState>, step: &Step) -> (Option<RequestState>, Response) {
    let now = step.now;
    if let StepKind::Initiate(times) = step.kind {
        let state = RequestState::new(times, now);
        return (Some(state.clone()), Response::Shown(state.record()));
    }
    let Some(mut after) = state.filter(|state| state.is_readable(now)).cloned() else {
        return (state.cloned(), Response::NotFound);
    };
    let response = match &step.kind {
        StepKind::Claim(filter, token) => after.claim(*filter, *token, now),
        StepKind::Report(result) => after.report(result, now),
        StepKind::Progress(progress) => after.progress(progress, now),
        StepKind::Cancel { .. } => after.cancel(now),
        StepKind::Poll { .. } | StepKind::Initiate(_) => after.poll(now),
    };
    (Some(after), response)
}

/// The state after `step`, if `response` on `route` is a correct response to it.
pub(crate) fn apply_if_explained(
    state: Option<&RequestState>,
    step: &Step,
    route: Route,
    response: &Response,
) -> Option<Option<RequestState>> {
    let (after, expected) = apply(state, step);
    if is_shown_as(&expected, route, response) {
        return Some(after);
    }
    let unchanged = match (&step.kind, response) {
        (StepKind::Claim(..) | StepKind::Initiate(_), _) => false,
        // Retention may have ended on any clock.
        (_, Response::NotFound) => state.is_none_or(|state| !state.is_readable(step.latest + SKEW)),
        (StepKind::Poll { raced: true } | StepKind::Cancel { raced: true }, Response::Shown(shown)) => {
            state.is_some_and(|state| state.record().on(route) == *shown)
        }
        _ => false,
    };
    unchanged.then(|| state.cloned())
}

/// Whether a response with everything that is known is `shown` on the route.
fn is_shown_as(expected: &Response, route: Route, shown: &Response) -> bool {
    match (expected, shown) {
        (Response::Shown(expected), Response::Shown(shown)) => expected.clone().on(route) == *shown,
        (Response::Delivered { attempt: expected }, Response::Delivered { attempt: shown }) => {
            shown.is_none() || expected == shown
        }
        (Response::Acknowledged { cancelled: expected }, Response::Acknowledged { cancelled: shown }) => {
            shown.is_none() || expected == shown
        }
        _ => expected == shown,
    }
}
