//! What must hold in every state.
//!
//! What concerns what was said is noted where it is said (`history.rs`); what concerns the table alone is asked here.

use doorbell_shared::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};
use doorbell_shared::request::Request;
use doorbell_shared::time::Timestamp;
use stateright::Property;

use crate::call::Call;
use crate::party::{Instance, Question};
use crate::protocol::Protocol;
use crate::recovery;
use crate::world::World;

/// What always holds, by the numbers that the design gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariant {
    /// Of all heartbeats that would hand out a request, or replace one claim of it, one is told that it has won.
    OneWinner,
    /// A heartbeat whose claim is stored is told so.
    WinnerIsTold,
    /// What a poll has shown as terminal, every later poll shows the same until its retention ends.
    TerminalIsForEver,
    /// A request that was accepted is found, and a report that was recorded is what every later poll shows.
    AcknowledgedIsStored,
    /// A report that was called stale is not what is stored.
    StaleIsNotStored,
    /// Nothing is open, for any clock, 90 s after it was made.
    NothingIsStuck,
    /// As long as a request is open, heartbeats go and look for it, unless its initiate is still under way.
    OpenHasAttention,
    /// An older request that could have been claimed is not passed over.
    FirstComeFirstServed,
    /// Whatever was lost: if a daemon's beats get through from now on while there is time, the request ends completed
    /// (`recovery.rs`).
    LossCostsTimeOnly,
    /// A heartbeat is not handed what it lists as in flight.
    NotWhatIsInFlight,
}

impl Invariant {
    /// All of them, in the design's order.
    pub const ALL: [Self; 10] = [
        Self::OneWinner,
        Self::WinnerIsTold,
        Self::TerminalIsForEver,
        Self::AcknowledgedIsStored,
        Self::StaleIsNotStored,
        Self::NothingIsStuck,
        Self::OpenHasAttention,
        Self::FirstComeFirstServed,
        Self::LossCostsTimeOnly,
        Self::NotWhatIsInFlight,
    ];

    /// The name of the property.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneWinner => "1 one winner",
            Self::WinnerIsTold => "1 one winner: and it is told",
            Self::TerminalIsForEver => "2 terminal is for ever",
            Self::AcknowledgedIsStored => "3 acknowledged is stored",
            Self::StaleIsNotStored => "3 acknowledged is stored: and stale is not",
            Self::NothingIsStuck => "4 nothing is stuck",
            Self::OpenHasAttention => "4 nothing is stuck: what is open has attention",
            Self::FirstComeFirstServed => "5 first come, first served",
            Self::LossCostsTimeOnly => "7 a lost message costs time, not the answer",
            Self::NotWhatIsInFlight => "7 and nothing that is in flight is handed out again",
        }
    }

    pub(crate) fn property(self) -> Property<Protocol> {
        let holds: fn(&Protocol, &World) -> bool = match self {
            Self::OneWinner => |_, world| !world.history.breaks(Self::OneWinner),
            Self::WinnerIsTold => |_, world| !world.history.breaks(Self::WinnerIsTold),
            Self::TerminalIsForEver => |_, world| !world.history.breaks(Self::TerminalIsForEver),
            Self::AcknowledgedIsStored => |_, world| !world.history.breaks(Self::AcknowledgedIsStored),
            Self::StaleIsNotStored => |_, world| !world.history.breaks(Self::StaleIsNotStored),
            Self::NothingIsStuck => |protocol, world| !open_for_too_long(protocol, world),
            Self::OpenHasAttention => |protocol, world| !open_without_attention(protocol, world),
            Self::FirstComeFirstServed => |_, world| !world.history.breaks(Self::FirstComeFirstServed),
            Self::LossCostsTimeOnly => recovery::is_possible,
            Self::NotWhatIsInFlight => |_, world| !world.history.breaks(Self::NotWhatIsInFlight),
        };
        Property::always(self.name(), holds)
    }
}

/// Some of the invariants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Invariants(u16);

impl Invariants {
    pub(crate) fn contains(self, invariant: Invariant) -> bool {
        self.0 & (1 << invariant as u16) != 0
    }

    pub(crate) fn insert(&mut self, invariant: Invariant) {
        self.0 |= 1 << invariant as u16;
    }
}

fn open_for_too_long(protocol: &Protocol, world: &World) -> bool {
    anywhere(protocol, world, |request, now| {
        is_open(request, now) && now.since(request.created_at) > PENDING_DEADLINE + RUNNING_DEADLINE
    })
}

fn open_without_attention(protocol: &Protocol, world: &World) -> bool {
    let under_way = |request: &Request| {
        world.calls.iter().any(|call| match call {
            Call::Initiate { question, .. } => world.store.get(*question) == Some(request),
            _ => false,
        })
    };
    anywhere(protocol, world, |request, now| {
        is_open(request, now) && !world.store.has_attention(now) && !under_way(request)
    })
}

fn is_open(request: &Request, now: Timestamp) -> bool {
    !request.state.status().is_terminal() && request.lapse(now).is_none()
}

/// Whether it is so for one of the requests on one of the clocks.
fn anywhere(protocol: &Protocol, world: &World, so: impl Fn(&Request, Timestamp) -> bool) -> bool {
    let clocks = Instance::ALL.map(|instance| protocol.now(world, instance));
    Question::ALL
        .iter()
        .filter_map(|question| world.store.get(*question))
        .any(|request| clocks.iter().any(|now| so(request, *now)))
}
