//! What the connection's task tells the heartbeat loop: the state of the connection, and which runtimes were asked.
//!
//! Nothing queues: a state replaces the earlier one, and hints of one runtime are one. So neither side waits for the other.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use doorbell_protocol::RuntimeId;
use tokio::sync::Notify;

use super::address::InvalidPushUrl;
use super::status::FallbackReason;

/// The connection at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// How many connections have ended. Between two ends there is at most one connection, so this is also its number.
    pub(crate) losses: u64,
    pub(crate) state: LinkState,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// The server has offered no channel.
    #[default]
    Off,
    Unusable(InvalidPushUrl),
    /// `None` before the first try has ended.
    Disconnected(Option<FallbackReason>),
    /// `hello`: whether the message that proves the connection has come.
    Connected {
        hello: bool,
    },
}

impl Link {
    /// Whether heartbeats say anything of the channel.
    pub(crate) fn is_used(&self) -> bool {
        matches!(self.state, LinkState::Disconnected(_) | LinkState::Connected { .. })
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.state, LinkState::Connected { .. })
    }

    pub(crate) fn has_hello(&self) -> bool {
        self.state == LinkState::Connected { hello: true }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    contents: Mutex<Contents>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Contents {
    link: Link,
    /// At most the daemon's runtimes: the connection's task drops other ids.
    hints: BTreeSet<RuntimeId>,
}

impl Inbox {
    /// Waits for a change since the last call. Cancel safe.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(crate) fn link(&self) -> Link {
        self.contents().link.clone()
    }

    /// The runtimes that were asked since the last call.
    pub(crate) fn take_hints(&self) -> BTreeSet<RuntimeId> {
        mem::take(&mut self.contents().hints)
    }

    pub(crate) fn hint(&self, runtime: RuntimeId) {
        self.contents().hints.insert(runtime);
        self.changed.notify_one();
    }

    /// Replaces the state. The end of a connection is counted.
    pub(crate) fn set(&self, state: LinkState) {
        {
            let link = &mut self.contents().link;
            let ends = link.is_connected() && !matches!(state, LinkState::Connected { .. });
            link.losses += u64::from(ends);
            link.state = state;
        }
        self.changed.notify_one();
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Every change is one assignment or insertion, so a panic elsewhere leaves them whole.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
