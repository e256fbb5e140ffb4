//! The rules of the daemon.

use crate::push::design::PushMutation;
use crate::push::protocol::PushProtocol;
use crate::push::state::{DaemonState, Message, PushCall, PushState, Session, Socket};
use crate::push::times::{FALLBACK, LATEST_ARRIVAL, Ticks};

impl PushState {
    pub fn receive(&mut self, message: Message) {
        match message {
            Message::Hint => self.daemon.wake = true,
            Message::Hello => self.daemon.hello = true,
        }
    }

    /// A crashed daemon's calls go on without a receiver.
    pub fn crash_daemon(&mut self, silent: bool) {
        if silent || !matches!(self.daemon.socket, Socket::Up { .. }) {
            self.abandon();
        } else {
            self.end_session();
            self.daemon.socket = Socket::Closed;
        }
        let daemon = DaemonState::registered();
        self.daemon = DaemonState { alive: false, ..daemon };
        for call in &mut self.calls {
            if let PushCall::Heartbeat { awaited, .. } = call {
                *awaited = false;
            }
        }
        if let Some(ring) = &mut self.ring {
            ring.lived = false;
        }
    }
}

impl PushProtocol {
    /// Whether the next heartbeat says that push is connected.
    pub fn says_connected(&self, state: &PushState) -> bool {
        let open = state.daemon.socket != Socket::Closed;
        open && (state.daemon.plain_answered || self.has(PushMutation::LeaseKeptAcrossReconnect))
    }

    pub fn notice_loss(&self, state: &mut PushState) {
        state.abandon();
        let daemon = &mut state.daemon;
        daemon.hello = self.has(PushMutation::LeaseKeptAcrossReconnect) && daemon.hello;
        daemon.plain_answered = false;
        daemon.asleep = false;
        daemon.wake = true;
        daemon.due = 0;
    }

    /// The next heartbeat is `next` after this one.
    pub fn answered(&self, state: &mut PushState, connected: bool, next: Ticks, claimed: bool) {
        let daemon = &mut state.daemon;
        let sleeps = next > FALLBACK
            && daemon.hello
            && daemon.socket != Socket::Closed
            && (daemon.unanswered == 0 || self.has(PushMutation::SleepAfterUnanswered));
        daemon.plain_answered |= !connected;
        daemon.asleep = sleeps;
        daemon.due = if sleeps { next } else { FALLBACK };
        if claimed {
            state.ring = None;
        }
    }

    pub fn unanswered(&self, state: &mut PushState) {
        let daemon = &mut state.daemon;
        daemon.unanswered = LATEST_ARRIVAL + 1;
        if daemon.asleep {
            daemon.wake |= !self.has(PushMutation::NoRetryUnderPush);
        } else {
            daemon.due = FALLBACK;
        }
    }

    pub fn may_connect(state: &PushState) -> bool {
        state.daemon.alive
            && state.daemon.socket == Socket::Closed
            && !state.api_down
            && state.session != Session::Other
    }
}
