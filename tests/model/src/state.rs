//! One state of the model: the table, the calls in progress, and a trace of the responses so far.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use doorbell_shared::id::ClaimId;
use doorbell_shared::request::{Delivery, Request};
use doorbell_shared::time::Timestamp;
use uuid::Uuid;

use crate::actors::{Daemon, Instance, Instant, RequestIndex, RequestSet};
use crate::design::{Design, Invariant};
use crate::store::Store;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ModelState {
    pub instant: Instant,
    pub store: Store,
    in_flight: [RequestSet; 2],
    /// Kept in a canonical order by [`sort_calls`](Self::sort_calls).
    pub calls: Vec<Call>,
    /// How many faults may still happen.
    pub faults: u8,
    pub trace: Trace,
}

impl ModelState {
    pub fn new(faults: u8) -> Self {
        Self { faults, ..Self::default() }
    }

    /// The requests that `daemon` has received and not yet reported.
    pub fn in_flight(&self, daemon: Daemon) -> RequestSet {
        self.in_flight[daemon as usize]
    }

    pub fn in_flight_mut(&mut self, daemon: Daemon) -> &mut RequestSet {
        &mut self.in_flight[daemon as usize]
    }

    /// The same state after the loss of every call in progress.
    pub fn without_calls(&self) -> Self {
        Self { store: self.store.clone(), trace: self.trace.clone(), calls: Vec::new(), ..*self }
    }

    /// The lowest lease token not in use. Reuse keeps states equal that differ only in tokens of the past.
    pub fn next_lease_token(&self) -> ClaimId {
        let stored = RequestIndex::ALL.iter().filter_map(|request| self.store.lease_token(*request));
        let used: Vec<_> = stored.chain(self.calls.iter().filter_map(Call::lease_token)).collect();
        let mut tokens = (1..).map(|number| ClaimId::from_uuid(Uuid::from_u128(number)));
        tokens.find(|token| !used.contains(token)).unwrap_or_else(|| unreachable!("few are in use"))
    }

    /// The order of calls in progress has no meaning: sorted, states that differ in nothing else are equal.
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
/// response: none if it has crashed since, or if the call is a duplicate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// The work hint is written, the put is next.
    Initiate {
        request: RequestIndex,
        now: Timestamp,
    },
    /// An expired request was read, the write of its timeout is next.
    Poll {
        request: RequestIndex,
        read: Request,
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
        request: RequestIndex,
        author: Daemon,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HeartbeatStep {
    /// The first step of a duplicate, which arrives at any time.
    List,
    /// Claim the first candidate with this token.
    Claim { candidates: Vec<Candidate>, token: ClaimId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    pub request: RequestIndex,
    pub delivery: Delivery,
    /// How many deliveries there had been when it was listed.
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

    fn lease_token(&self) -> Option<ClaimId> {
        match self {
            Self::Heartbeat { step: HeartbeatStep::Claim { token, .. }, .. } => Some(*token),
            _ => None,
        }
    }
}

/// Progress of the client that makes a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Initiation {
    #[default]
    NotStarted,
    InProgress,
    Accepted,
    /// The client got no response. The request may exist.
    Abandoned,
}

/// The responses about one request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestTrace {
    pub initiation: Initiation,
    /// The first terminal record that a poll has shown.
    pub shown: Option<Request>,
    /// The author of the acknowledged report.
    pub recorded: Option<Daemon>,
    /// Bit n is set when a heartbeat has won the nth delivery.
    won: u8,
}

impl RequestTrace {
    pub fn deliveries(&self) -> u32 {
        self.won.count_ones()
    }
}

/// An observer. Only polls depend on it: they need an accepted request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Trace {
    requests: [RequestTrace; 2],
    broken: Vec<Invariant>,
}

impl Trace {
    pub fn of(&self, request: RequestIndex) -> &RequestTrace {
        &self.requests[request as usize]
    }

    pub fn breaks(&self, invariant: Invariant) -> bool {
        self.broken.contains(&invariant)
    }

    pub fn check(&mut self, invariant: Invariant, holds: bool) {
        if !holds && !self.breaks(invariant) {
            self.broken.push(invariant);
        }
    }

    pub fn set_initiation(&mut self, request: RequestIndex, initiation: Initiation) {
        self.requests[request as usize].initiation = initiation;
    }

    /// A poll at `now` shows `record`, or 404. `stored` is the latest version.
    pub fn record_poll(
        &mut self,
        request: RequestIndex,
        record: Option<&Request>,
        stored: Option<&Request>,
        now: Timestamp,
    ) {
        let trace = &mut self.requests[request as usize];
        let changed =
            trace.shown.as_ref().is_some_and(|shown| record != Some(shown) && shown.is_readable(now));
        let lost = record.is_none() && stored.is_some_and(|stored| stored.is_readable(now));
        let denied = trace.recorded.zip(record).is_some_and(|(author, record)| !author.is_author_of(record));
        if trace.shown.is_none() {
            trace.shown = record.filter(|record| record.state.status().is_terminal()).cloned();
        }
        self.check(Invariant::TerminalIsFinal, !changed);
        self.check(Invariant::AcknowledgedIsStored, !lost && !denied);
    }

    pub fn record_delivery(&mut self, request: RequestIndex, attempt: u32) {
        let trace = &mut self.requests[request as usize];
        let bit = 1 << attempt;
        let first = trace.won & bit == 0;
        trace.won |= bit;
        self.check(Invariant::OneWinner, first);
    }

    pub fn record_report(&mut self, request: RequestIndex, author: Daemon) {
        let recorded = self.requests[request as usize].recorded.replace(author);
        self.check(Invariant::AcknowledgedIsStored, recorded.is_none_or(|recorded| recorded == author));
    }
}

/// The state and the clock that a handler works with.
pub struct Context<'a> {
    pub state: &'a mut ModelState,
    pub design: Design,
    pub now: Timestamp,
}
