//! One state of the model: the table, the work of the daemons, and the calls in progress.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use doorbell_protocol::Timestamp;
use doorbell_shared::request::{Delivery, LeaseToken, Request, State};
use uuid::Uuid;

use crate::actors::{Daemon, Instance, Instant, REQUESTS, RequestSet};
use crate::trace::Trace;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModelState {
    pub instant: Instant,
    pub table: Table,
    /// The requests that each daemon has received and not yet reported.
    pub in_flight: [RequestSet; 2],
    /// Kept in a canonical order by [`sort_calls`](Self::sort_calls).
    pub calls: Vec<Call>,
    /// The number of faults that may still happen.
    pub faults: u8,
    pub trace: Trace,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Table {
    pub work_hint_until: Option<Timestamp>,
    pub requests: [Option<Request>; 2],
    /// The versions that an eventually consistent read may return. Empty unless the design has such reads.
    pub previous: [Option<Request>; 2],
}

impl Table {
    pub fn has_work_hint(&self, now: Timestamp) -> bool {
        self.work_hint_until.is_some_and(|until| until >= now)
    }

    pub fn lease_token(&self, request: usize) -> Option<LeaseToken> {
        match self.requests[request].as_ref()?.state {
            State::Running(lease) => Some(lease.token),
            _ => None,
        }
    }

    pub fn any(&self, condition: impl Fn(usize, &Request) -> bool) -> bool {
        REQUESTS
            .iter()
            .any(|&index| self.requests[index].as_ref().is_some_and(|request| condition(index, request)))
    }
}

impl ModelState {
    /// The lowest unused lease token. Reuse makes states equal that differ only in past tokens.
    pub fn next_lease_token(&self) -> LeaseToken {
        let stored = REQUESTS.iter().filter_map(|request| self.table.lease_token(*request));
        let claiming = self.calls.iter().filter_map(|call| match call {
            Call::Heartbeat { step: HeartbeatStep::Claim { token, .. }, .. } => Some(*token),
            _ => None,
        });
        let used: Vec<_> = stored.chain(claiming).collect();
        let mut tokens = (1..).map(|number| LeaseToken::from_uuid(Uuid::from_u128(number)));
        tokens.find(|token| !used.contains(token)).unwrap_or_else(|| unreachable!("few are in use"))
    }

    /// The order of calls in progress has no meaning. Sorting makes states equal that differ only in this order.
    pub fn sort_calls(&mut self) {
        if self.calls.len() > 1 {
            self.calls.sort_by_cached_key(|call| {
                let mut hasher = DefaultHasher::new();
                call.hash(&mut hasher);
                hasher.finish()
            });
        }
    }
}

/// A call in progress, with the values that it carries from one step to the next. `from` is the daemon that waits for the
/// response: `None` if it has crashed, or if the call is a duplicate.
///
/// An initiate in progress has written the work hint, and puts the request next. A poll in progress has read an expired
/// request, and writes its timeout next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Initiate { request: usize, now: Timestamp },
    Poll { request: usize, read: Request, now: Timestamp },
    Heartbeat { from: Option<Daemon>, instance: Instance, in_flight: RequestSet, step: HeartbeatStep },
    Report { from: Option<Daemon>, request: usize, author: Daemon },
}

/// The next step of a heartbeat: only duplicates start with a list, the others claim their first candidate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeartbeatStep {
    List,
    Claim { candidates: Vec<Candidate>, token: LeaseToken },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    pub request: usize,
    pub delivery: Delivery,
    /// The number of deliveries at the time of the list.
    pub attempts: u32,
}

impl Call {
    pub fn from(&self) -> Option<Daemon> {
        match self {
            Self::Heartbeat { from, .. } | Self::Report { from, .. } => *from,
            Self::Initiate { .. } | Self::Poll { .. } => None,
        }
    }

    /// The same call after the crash of its sender.
    pub fn without_sender(mut self) -> Self {
        if let Self::Heartbeat { from, .. } | Self::Report { from, .. } = &mut self {
            *from = None;
        }
        self
    }

    /// Whether the next action of an actor depends on the end of this call.
    pub fn blocks_an_actor(&self) -> bool {
        self.from().is_some() || matches!(self, Self::Initiate { .. })
    }

    /// Whether the next step may use the clock of `other`. Initiate and poll keep the time of their start, so they
    /// proceed on one instance only.
    pub fn may_proceed_on(&self, other: Instance) -> bool {
        match self {
            Self::Heartbeat { instance, .. } => *instance == other,
            Self::Report { .. } => true,
            Self::Initiate { .. } | Self::Poll { .. } => other == Instance::Ahead,
        }
    }
}
