//! One state of the model: the table, the work of the daemons, and the calls in progress.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use doorbell_protocol::{RequestId, Timestamp};
use doorbell_shared::request::{Lease, LeaseToken, Request, State};
use uuid::Uuid;

use crate::actors::{Daemon, Instance, Instant, REQUESTS, RequestSet};
use crate::stored::Stored;
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
    /// The ids in the open set, by index.
    pub open: [Option<RequestId>; 2],
    pub requests: [Option<Stored>; 2],
    /// The versions that an eventually consistent read may return. Empty unless the design has such reads.
    pub previous: [Option<Stored>; 2],
}

impl Table {
    pub fn get(&self, request: usize) -> Option<&Request> {
        self.requests[request].as_ref().map(|stored| &*stored.0)
    }

    pub fn lease(&self, request: usize) -> Option<Lease> {
        match self.get(request)?.state {
            State::Running(lease) => Some(lease),
            _ => None,
        }
    }

    pub fn any(&self, condition: impl Fn(usize, &Request) -> bool) -> bool {
        REQUESTS.iter().any(|&index| self.get(index).is_some_and(|request| condition(index, request)))
    }
}

impl ModelState {
    /// The lowest unused lease token. Reuse makes states equal that differ only in past tokens.
    pub fn next_lease_token(&self) -> LeaseToken {
        let stored = REQUESTS.iter().filter_map(|request| Some(self.table.lease(*request)?.token));
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Initiate {
        request: usize,
        instance: Instance,
        started: Instant,
        step: InitiateStep,
    },
    /// Has read an expired request, and writes its timeout next.
    Poll {
        request: usize,
        read: Stored,
        now: Timestamp,
    },
    /// Retries its write.
    Cancel {
        request: usize,
        now: Timestamp,
    },
    Heartbeat {
        from: Option<Daemon>,
        instance: Instance,
        in_flight: RequestSet,
        step: HeartbeatStep,
    },
    Report {
        from: Option<Daemon>,
        request: usize,
        author: Daemon,
    },
    /// The last step of a poll, a cancellation, a heartbeat or a report removes ids from the open set. Its caller has the response
    /// already.
    Removal {
        ids: RequestSet,
    },
}

/// The next step of an initiate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InitiateStep {
    Put,
    /// The set was full. Removes the ids of requests that have ended.
    Clean {
        ended: RequestSet,
    },
    /// Adds the id after the removal.
    AddAgain,
}

/// The next step of a heartbeat: only duplicates start with the record, the others claim their first candidate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeartbeatStep {
    Record,
    Claim {
        /// What is left of the list, the next one first.
        candidates: Vec<usize>,
        token: LeaseToken,
        /// The time of the write that is retried, if its response was lost.
        retry_of: Option<Timestamp>,
        won: RequestSet,
        /// The ids to remove after the claims.
        ended: RequestSet,
    },
}

impl Call {
    pub fn from(&self) -> Option<Daemon> {
        match self {
            Self::Heartbeat { from, .. } | Self::Report { from, .. } => *from,
            _ => None,
        }
    }

    /// Whether the call belongs to one of the daemons.
    pub fn has_daemon(&self) -> bool {
        self.from().is_some() || matches!(self, Self::Report { .. })
    }

    /// The same call after the crash of its sender.
    pub fn without_sender(mut self) -> Self {
        if let Self::Heartbeat { from, .. } | Self::Report { from, .. } = &mut self {
            *from = None;
        }
        self
    }

    /// Whether its loss changes what can happen next.
    pub fn is_waited_for(&self) -> bool {
        self.from().is_some() || matches!(self, Self::Initiate { .. } | Self::Removal { .. })
    }

    /// Whether a step of the call may have a fault besides a crash. A removal may be applied twice.
    pub fn has_faults(&self) -> bool {
        !matches!(self, Self::Removal { .. })
    }

    /// Whether the next step may use the clock of `other`. Calls that keep the time of their start proceed on one instance only.
    pub fn may_proceed_on(&self, other: Instance) -> bool {
        match self {
            Self::Heartbeat { instance, .. } | Self::Initiate { instance, .. } => *instance == other,
            Self::Report { .. } => true,
            Self::Poll { .. } | Self::Cancel { .. } | Self::Removal { .. } => other == Instance::Ahead,
        }
    }
}
