//! The calls that are measured.

use doorbell_shared::access::Scope;
use doorbell_shared::http::routes::Function;

/// A call, with what makes a difference to how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    IdleHeartbeat,
    HeartbeatWithWork,
    Initiate,
    /// Of a request that was answered with so many models; of one that waits, with none.
    Poll {
        models: u16,
    },
    Report {
        models: u16,
    },
    Register,
    Deregister,
    /// Of a workspace with so many.
    Runtimes {
        listed: usize,
    },
    Authorizer,
}

/// Models of an ordinary catalog, and of a large one.
pub(crate) const ORDINARY: u16 = 20;
pub(crate) const LARGE: u16 = 200;

/// One call of each function, as it is made most often. The goal is about these.
pub(crate) const USUAL: [Case; 10] = [
    Case::IdleHeartbeat,
    Case::HeartbeatWithWork,
    Case::Initiate,
    Case::Poll { models: 0 },
    Case::Poll { models: ORDINARY },
    Case::Report { models: ORDINARY },
    Case::Register,
    Case::Deregister,
    Case::Runtimes { listed: 10 },
    Case::Authorizer,
];

/// Calls that carry a large catalog.
pub(crate) const CARRYING: [Case; 2] = [Case::Poll { models: LARGE }, Case::Report { models: LARGE }];

impl Case {
    /// All that are measured.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        USUAL.into_iter().chain(CARRYING)
    }

    /// The function that API Gateway hands it to. The authorizer has no route.
    pub(crate) fn function(self) -> Option<Function> {
        Some(match self {
            Self::IdleHeartbeat | Self::HeartbeatWithWork => Function::Heartbeat,
            Self::Initiate => Function::Initiate,
            Self::Poll { .. } => Function::Poll,
            Self::Report { .. } => Function::Report,
            Self::Register => Function::Register,
            Self::Deregister => Function::Deregister,
            Self::Runtimes { .. } => Function::Runtimes,
            Self::Authorizer => return None,
        })
    }

    /// What its caller's token is for.
    pub(crate) fn scope(self) -> Scope {
        match self {
            Self::Initiate | Self::Poll { .. } | Self::Runtimes { .. } => Scope::User,
            _ => Scope::Daemon,
        }
    }

    /// For a table.
    pub(crate) fn name(self) -> String {
        match self {
            Self::IdleHeartbeat => "heartbeat, idle".to_owned(),
            Self::HeartbeatWithWork => "heartbeat with work".to_owned(),
            Self::Initiate => "initiate".to_owned(),
            Self::Poll { models: 0 } => "poll, pending".to_owned(),
            Self::Poll { models } => format!("poll, {models} models"),
            Self::Report { models } => format!("report, {models} models"),
            Self::Register => "register, 1 runtime".to_owned(),
            Self::Deregister => "deregister, 1 runtime".to_owned(),
            Self::Runtimes { listed } => format!("runtimes, {listed} listed"),
            Self::Authorizer => "authorizer, opaque token".to_owned(),
        }
    }
}
