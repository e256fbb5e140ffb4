//! What must happen in some state, or the invariants would hold for want of anything happening.

use doorbell_shared::request::{Lapse, Request, State};
use stateright::Property;

use crate::call::{Call, Step};
use crate::party::{Daemon, Instance, Question};
use crate::protocol::Protocol;
use crate::world::World;

/// What happens in some state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// A request that was handed out twice is completed.
    CompletedAfterRedelivery,
    /// Nobody claimed a request in time.
    TimedOutPending,
    /// A daemon did not finish in time.
    TimedOutRunning,
    /// One instance takes a request for lapsed, the other does not.
    ClocksDisagree,
    /// A time-out is about to be written over what has been answered meanwhile.
    TimeOutComesLate,
    /// A report is on its way to what ended otherwise.
    ReportIsStale,
    /// A claim is tried again after it was applied.
    ClaimMeetsItsMark,
    /// A report is tried again after it was applied.
    ReportMeetsItsMark,
    /// Both daemons work on one request.
    BothWorkOnOne,
    /// What a poll has shown is past its retention.
    Forgotten,
}

impl Occurrence {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CompletedAfterRedelivery,
        Self::TimedOutPending,
        Self::TimedOutRunning,
        Self::ClocksDisagree,
        Self::TimeOutComesLate,
        Self::ReportIsStale,
        Self::ClaimMeetsItsMark,
        Self::ReportMeetsItsMark,
        Self::BothWorkOnOne,
        Self::Forgotten,
    ];

    /// The name of the property.
    pub fn name(self) -> &'static str {
        match self {
            Self::CompletedAfterRedelivery => "completed after a redelivery",
            Self::TimedOutPending => "timed out pending",
            Self::TimedOutRunning => "timed out running",
            Self::ClocksDisagree => "the clocks disagree about a lapse",
            Self::TimeOutComesLate => "a time-out meets an answer",
            Self::ReportIsStale => "a report is stale",
            Self::ClaimMeetsItsMark => "a claim meets its own mark",
            Self::ReportMeetsItsMark => "a report meets its own mark",
            Self::BothWorkOnOne => "both daemons work on one request",
            Self::Forgotten => "an answer is past its retention",
        }
    }

    pub(crate) fn property(self) -> Property<Protocol> {
        let happens: fn(&Protocol, &World) -> bool = match self {
            Self::CompletedAfterRedelivery => |_, world| {
                any_stored(world, |question, request| {
                    matches!(request.state, State::Completed(_)) && world.history.of(question).wins() > 1
                })
            },
            Self::TimedOutPending => |_, world| ended_with(world, Lapse::Unclaimed),
            Self::TimedOutRunning => |_, world| ended_with(world, Lapse::Unfinished),
            Self::ClocksDisagree => |protocol, world| {
                let [ahead, behind] = Instance::ALL.map(|instance| protocol.now(world, instance));
                any_stored(world, |_, request| request.lapse(ahead) != request.lapse(behind))
            },
            Self::TimeOutComesLate => |_, world| {
                world.calls.iter().any(|call| match call {
                    Call::Poll { question, .. } => is_answered(world, *question),
                    _ => false,
                })
            },
            Self::ReportIsStale => |_, world| {
                is_held(world, |request, author| {
                    request.state.status().is_terminal() && !author.has_answered(request)
                })
            },
            Self::ClaimMeetsItsMark => |_, world| world.calls.iter().any(|call| claim_is_stored(world, call)),
            Self::ReportMeetsItsMark => {
                |_, world| meets(world, |request, author| author.has_answered(request))
            }
            Self::BothWorkOnOne => |_, world| {
                Question::ALL
                    .iter()
                    .any(|question| Daemon::ALL.iter().all(|daemon| world.held(*daemon)[*question]))
            },
            Self::Forgotten => |protocol, world| {
                Question::ALL.iter().any(|question| {
                    let now = protocol.now(world, Instance::Ahead);
                    world.history.of(*question).shown.as_ref().is_some_and(|shown| !shown.is_readable(now))
                })
            },
        };
        Property::sometimes(self.name(), happens)
    }
}

fn any_stored(world: &World, so: impl Fn(Question, &Request) -> bool) -> bool {
    Question::ALL
        .iter()
        .any(|question| world.store.get(*question).is_some_and(|request| so(*question, request)))
}

fn ended_with(world: &World, lapse: Lapse) -> bool {
    any_stored(world, |_, request| request.state == State::Timeout(lapse))
}

fn is_answered(world: &World, question: Question) -> bool {
    world.store.get(question).is_some_and(|request| matches!(request.state, State::Completed(_)))
}

fn meets(world: &World, so: impl Fn(&Request, Daemon) -> bool) -> bool {
    world.calls.iter().any(|call| match call {
        Call::Report { question, author, .. } => {
            world.store.get(*question).is_some_and(|request| so(request, *author))
        }
        _ => false,
    })
}

fn is_held(world: &World, so: impl Fn(&Request, Daemon) -> bool) -> bool {
    Daemon::ALL.iter().any(|daemon| {
        any_stored(world, |question, request| world.held(*daemon)[question] && so(request, *daemon))
    })
}

fn claim_is_stored(world: &World, call: &Call) -> bool {
    let Call::Heartbeat { step: Step::Claim { candidates, claim }, .. } = call else { return false };
    candidates.first().is_some_and(|candidate| world.store.holds(candidate.question, *claim))
}
