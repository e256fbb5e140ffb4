//! The history of one request, and the violations that the oracle finds.

use std::fmt;

use doorbell_protocol::{RequestId, RuntimeId};
use serde_json::Value;

use crate::asked::{Asked, Times};
use crate::history::{Access, AccessKind, AccessOutcome, Call, End, History, Moment};
use crate::operation::{Operation, Route};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invariant {
    OneWinner,
    TerminalIsFinal,
    AcknowledgedIsStored,
    NothingIsStuck,
    FirstComeFirstServed,
    TenantIsolation,
    LossCostsTimeOnly,
    /// The calls about a request have a sequential order that explains their responses.
    Linearizable,
    /// A ring is answered with a request of its kind and args.
    AnswersItsRing,
    /// A ring is rejected only when as many requests may be open as the contract allows.
    FullQueueIsFull,
    /// The response to a heartbeat names every cancelled request in flight, and no other.
    CancellationIsNamed,
    /// After the heartbeats that follow the end of all requests, the open set is empty.
    OpenSetEmpties,
    /// A runtime that sends heartbeats is known and online.
    HeartbeatKeepsOnline,
    /// A runtime shown online collects, or is shown offline.
    OnlineMeansItPicksUp,
    /// A push lease follows `hello`.
    LeaseIsProven,
    /// Without faults, the runtime of a live daemon is shown online.
    LiveDaemonIsOnline,
    /// A cached answer is the outcome of a report on the runtime, with its time, and replaces the snapshot.
    CachedIsRecorded,
    /// It is as new as every report that was acknowledged before the ring.
    CachedIsCurrent,
    /// Its runtime may have been online.
    CachedIsOnline,
    /// Its id is that of no request.
    CachedIdIsUnknown,
    /// However often a code is redeemed, one token of it is valid, and of one daemon.
    OneTokenPerCode,
    /// No handler hangs or panics.
    EveryCallEnds,
}

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

pub(crate) struct RequestHistory<'h> {
    pub(crate) request: RequestId,
    pub(crate) runtime: RuntimeId,
    /// In the order of their start, each with its call.
    pub(crate) accesses: Vec<(&'h Access, &'h Call)>,
    /// Successful calls of the own workspace that are answered with the record, in the order of their start.
    pub(crate) polls: Vec<PollResult<'h>>,
}

#[derive(Clone, Copy)]
pub(crate) struct PollResult<'h> {
    /// Records of different routes have different fields.
    pub(crate) route: Option<Route>,
    pub(crate) began: Moment,
    pub(crate) ended: Moment,
    pub(crate) status: &'h str,
    pub(crate) record: &'h Value,
}

impl<'h> RequestHistory<'h> {
    pub(crate) fn new(history: &'h History, (runtime, request): (RuntimeId, RequestId)) -> Self {
        let accesses = history.accesses.iter().filter(|access| access.request == request);
        let accesses: Vec<_> = accesses.map(|access| (access, &history.calls[access.call])).collect();
        let shows =
            |access: &Access| matches!(access.kind, AccessKind::Poll | AccessKind::Join | AccessKind::Cancel);
        let polls = accesses.iter().filter(|(access, _)| shows(access));
        let mut polls: Vec<_> = polls.filter_map(|(_, call)| poll_result(call)).collect();
        polls.sort_unstable_by_key(|poll| poll.began);
        Self { request, runtime, accesses, polls }
    }

    /// The accesses of one kind from the own workspace.
    pub(crate) fn accesses(&self, kind: AccessKind) -> impl Iterator<Item = (&'h Access, &'h Call)> {
        let of_kind = self.accesses.iter().filter(move |(access, _)| access.kind == kind);
        of_kind.copied().filter(|(_, call)| call.is_own())
    }

    /// The access that created the request, and its call.
    pub(crate) fn initiate(&self) -> Option<(&'h Access, &'h Call)> {
        self.accesses(AccessKind::Initiate).next()
    }

    /// When the client that made the request got the answer. Behind an answer from the catalog, the request may exist later or never.
    pub(crate) fn accepted(&self) -> Option<Moment> {
        let (access, call) = self.initiate()?;
        let exists = !call.is_cached() || access.outcome == AccessOutcome::Done;
        call.ended().filter(|_| exists && call.succeeded())
    }

    /// What was asked. Without an access that created it, the request is unknown.
    pub(crate) fn asked(&self) -> Asked {
        match self.initiate().map(|(_, call)| &call.operation) {
            Some(Operation::Ask { asked, .. }) => *asked,
            _ => Asked::MODELS,
        }
    }

    pub(crate) fn times(&self) -> Times {
        self.asked().times()
    }
}

impl PollResult<'_> {
    pub(crate) fn is_terminal(&self) -> bool {
        !matches!(self.status, "pending" | "running")
    }
}

fn poll_result(call: &Call) -> Option<PollResult<'_>> {
    let End::Responded(ended, response) = &call.end else { return None };
    if response.status != 200 || !call.is_own() || call.is_cached() {
        return None;
    }
    let record = &response.body;
    let status = record["status"].as_str()?;
    Some(PollResult { route: call.operation.route(), began: call.began, ended: *ended, status, record })
}
