//! Every call of a function, every access to the store, and every fault, for the oracle. Attacker and observer read the ids of
//! requests from it.

use std::fmt;

use doorbell_protocol::{RequestId, RuntimeId, Timestamp};
use doorbell_shared::request::{ClaimFilter, LeaseToken};
use doorbell_shared::token::TokenHash;
use serde_json::Value;

use crate::asked::AskedKind;
use crate::operation::{Caller, Operation};
use crate::plan::DaemonPlan;

/// `order` distinguishes events of the same millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    pub(crate) millis: u64,
    order: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    RequestLost,
    /// Of a daemon that is cut off from the functions and not from the push channel.
    DaemonCutOff,
    ResponseLost,
    RequestDuplicated,
    MessageDelayed,
    ClientCrashed,
    DaemonCrashed,
    /// The machine is off for an hour.
    MachineOff,
    InstanceCrashed,
    StoreFailed,
    StoreResponseLost,
    StoreAppliedLate,
    StoreSlow,
    /// The write of a snapshot failed after the outcome of its report was recorded.
    SnapshotLost,
    /// As above, and it was applied later.
    SnapshotLate,
    /// An id in the open set without a request: initiate ended between its two writes.
    Orphan,
    /// An id in the open set whose request has ended: the second write of a report, cancellation or timeout failed.
    RemovalLost,
    PushMessageLost,
    PushMessageDuplicated,
    /// It may be overtaken by later ones.
    PushMessageDelayed,
    PushAcknowledgementLost,
    PushCallFailed,
    /// A call of a broker that is down.
    BrokerDown,
    /// Neither side notices for a while, and heartbeats go on.
    ConnectionHalfOpen,
    /// Pings are answered, and messages are lost.
    ConnectionDeaf,
    ConnectionLost,
    /// By another process with the same client id.
    ConnectionTakenOver,
    EventLost,
    EventDuplicated,
    EventDelayed,
    SdkUnreachable,
    SdkRefused,
    SdkResponseLost,
    SdkDelayed,
}

impl FaultKind {
    /// Whether messages, connections or calls of the push channel fail. Late events excuse nothing.
    pub(crate) fn is_of_channel(self) -> bool {
        matches!(
            self,
            Self::PushMessageLost
                | Self::PushMessageDelayed
                | Self::PushAcknowledgementLost
                | Self::PushCallFailed
                | Self::BrokerDown
                | Self::ConnectionHalfOpen
                | Self::ConnectionDeaf
                | Self::ConnectionLost
        )
    }
}

/// One invocation of a function. A duplicated request causes two.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) caller: Caller,
    pub(crate) operation: Operation,
    own: bool,
    pub(crate) instance: usize,
    /// The clock error of the instance, in milliseconds.
    pub(crate) skew: i64,
    pub(crate) began: Moment,
    pub(crate) end: End,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FunctionResponse {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    /// At the end of a simulation: a handler that has panicked or hangs.
    Open,
    /// The function has responded, whether or not the response arrives.
    Responded(Moment, FunctionResponse),
    Crashed(Moment),
}

/// An access to the store that concerns one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// An index into [`History::calls`].
    pub(crate) call: usize,
    pub(crate) kind: AccessKind,
    pub(crate) request: RequestId,
    /// The time on the instance's clock.
    pub(crate) now: Timestamp,
    /// The filter and the lease token of a claim.
    pub(crate) lease: Option<(ClaimFilter, LeaseToken)>,
    /// The attempt of a claim that won.
    pub(crate) attempt: Option<u32>,
    pub(crate) began: Moment,
    pub(crate) outcome: AccessOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessKind {
    Initiate,
    /// An initiate that is answered with this earlier request.
    Join,
    Poll,
    Claim,
    Report,
    Progress,
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessOutcome {
    /// No response, or an error: the access may be applied at any later time.
    Unknown,
    /// It changed or returned the request.
    Done,
    Refused,
}

/// A daemon process from its start to its end, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) runtime: RuntimeId,
    pub(crate) plan: DaemonPlan,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// What happens on the push channel, besides faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushRecord {
    Connected,
    /// A daemon receives `hello`.
    Proven {
        runtime: RuntimeId,
    },
    /// A heartbeat gives the runtime a push lease.
    Leased {
        runtime: RuntimeId,
        call: usize,
    },
    /// A failed hint leaves a part of the runtime's lease.
    Shortened {
        runtime: RuntimeId,
    },
    /// Whether the runtime is shown online.
    Shown {
        runtime: RuntimeId,
        online: bool,
    },
}

/// A redemption of a code for a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Redemption {
    /// The number of the code.
    pub(crate) code: usize,
    pub(crate) daemon: &'static str,
    pub(crate) token: TokenHash,
    pub(crate) answer: RedemptionAnswer,
    /// Whether the token is valid at the end.
    pub(crate) is_valid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RedemptionAnswer {
    Redeemed,
    NotFound,
    /// It may have been applied, or be applied later.
    Lost,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    pub(crate) calls: Vec<Call>,
    pub(crate) accesses: Vec<Access>,
    pub(crate) processes: Vec<Process>,
    pub(crate) faults: Vec<(Moment, FaultKind)>,
    pub(crate) pushes: Vec<(Moment, PushRecord)>,
    /// In the order of their start.
    pub(crate) redemptions: Vec<Redemption>,
    order: u64,
}

impl History {
    pub(crate) fn moment(&mut self, millis: u64) -> Moment {
        self.order += 1;
        Moment { millis, order: self.order }
    }

    /// Every request that exists or may exist, with its runtime, in the order of creation.
    pub(crate) fn requests(&self) -> Vec<(RuntimeId, RequestId)> {
        let initiates = self.accesses.iter().filter(|access| access.kind == AccessKind::Initiate);
        let made = initiates.filter(|access| access.outcome != AccessOutcome::Refused);
        made.filter_map(|access| Some((self.calls[access.call].operation.runtime()?, access.request)))
            .collect()
    }
}

impl Call {
    /// A call that begins now.
    pub(crate) fn new(
        caller: Caller,
        operation: Operation,
        instance: usize,
        skew: i64,
        began: Moment,
    ) -> Self {
        let own = operation.is_allowed(caller.identity);
        Self { caller, operation, own, instance, skew, began, end: End::Open }
    }

    pub(crate) fn response(&self) -> Option<&FunctionResponse> {
        match &self.end {
            End::Responded(_, response) => Some(response),
            _ => None,
        }
    }

    /// Whether its token may act on what it is about.
    pub(crate) fn is_own(&self) -> bool {
        self.own
    }

    /// Including the one runtime of a whole daemon's heartbeat.
    pub(crate) fn succeeded(&self) -> bool {
        let is_whole = matches!(self.operation, Operation::Heartbeat { whole: true, .. });
        self.response().is_some_and(|response| {
            response.status == 200 && (!is_whole || runtime_status(&response.body) == Some("ok"))
        })
    }

    /// Whether the catalog has answered a ring. It may have made a request behind the answer.
    pub(crate) fn is_cached(&self) -> bool {
        let is_cached =
            |response: &FunctionResponse| response.status == 200 && response.body["cached"] == true;
        matches!(self.operation, Operation::Ask { .. }) && self.response().is_some_and(is_cached)
    }

    pub(crate) fn ended(&self) -> Option<Moment> {
        match &self.end {
            End::Responded(moment, _) | End::Crashed(moment) => Some(*moment),
            End::Open => None,
        }
    }

    /// What the response to a heartbeat hands out.
    pub(crate) fn delivered(&self) -> Vec<Delivered> {
        self.response().map(delivered).unwrap_or_default()
    }

    pub(crate) fn delivers(&self, request: RequestId) -> bool {
        self.delivered().iter().any(|delivered| delivered.request == request)
    }
}

/// The status of the runtime in the response to a whole daemon's heartbeat.
pub(crate) fn runtime_status(body: &Value) -> Option<&str> {
    let [runtime] = body["runtimes"].as_array()?.as_slice() else { return None };
    runtime["status"].as_str()
}

/// A request in the response to a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivered {
    pub(crate) request: RequestId,
    pub(crate) kind: AskedKind,
    /// Only in the heartbeat of a whole daemon.
    pub(crate) attempt: Option<u32>,
}

/// What the response to a heartbeat hands out, whichever its form.
pub(crate) fn delivered(response: &FunctionResponse) -> Vec<Delivered> {
    let body = &response.body;
    let id = |work: &Value| work["id"].as_str().and_then(|id| id.parse().ok());
    let models = id(&body["pending_model_list"]).map(|request| Delivered {
        request,
        kind: AskedKind::Models,
        attempt: None,
    });
    let work = body["runtimes"][0]["work"].as_array().into_iter().flatten().filter_map(|work| {
        Some(Delivered {
            request: id(work)?,
            kind: AskedKind::of_name(work["kind"].as_str()?)?,
            attempt: work["attempt"].as_u64().and_then(|attempt| attempt.try_into().ok()),
        })
    });
    models.into_iter().chain(work).collect()
}

/// The cancelled requests in flight in the response to a heartbeat.
pub(crate) fn cancelled(response: &FunctionResponse) -> Vec<RequestId> {
    let cancelled = response.body["runtimes"][0]["cancelled"].as_array().into_iter().flatten();
    cancelled.filter_map(|id| id.as_str()?.parse().ok()).collect()
}

/// All events in the order of their start.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines: Vec<_> = self.faults.iter().map(|(at, fault)| (*at, format!("{fault:?}"))).collect();
        lines.extend(
            self.calls.iter().enumerate().map(|(index, call)| (call.began, format!("#{index} {call:?}"))),
        );
        lines.extend(self.pushes.iter().map(|(at, push)| (*at, format!("{push:?}"))));
        lines.extend(self.accesses.iter().map(|access| (access.began, format!("{access:?}"))));
        lines.sort_unstable();
        lines.iter().try_for_each(|(at, line)| writeln!(f, "{:>8.3} {line}", at.millis as f64 / 1000.0))
    }
}
