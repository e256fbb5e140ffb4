//! The broker and its connection to the daemon.

use crate::push::actions::{Loss, PushFault};
use crate::push::state::{Event, Message, Progress, PushState, Session, Socket};

/// The outcome of a message with confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    /// 404.
    NotConnected,
    /// 504.
    Unacknowledged,
    /// Any other error, or a time-out.
    Failed,
}

impl PushState {
    /// Returns `None` if the fault is impossible.
    pub fn send(&mut self, message: Message, fault: Option<PushFault>) -> Option<Delivery> {
        if self.api_down {
            return fault.is_none().then_some(Delivery::Failed);
        }
        if fault == Some(PushFault::ApiError) {
            return Some(Delivery::Failed);
        }
        match (&self.session, &self.daemon.socket, fault) {
            (Session::None, _, None) => Some(Delivery::NotConnected),
            (Session::Silent { .. }, _, None) => Some(Delivery::Unacknowledged),
            (Session::Current, Socket::Dead { .. }, None) => Some(Delivery::Unacknowledged),
            (Session::Other, _, None) => {
                self.other_receives(message);
                Some(Delivery::Delivered)
            }
            (Session::Current, Socket::Up { .. }, _) => self.send_to_daemon(message, fault),
            _ => None,
        }
    }

    fn send_to_daemon(&mut self, message: Message, fault: Option<PushFault>) -> Option<Delivery> {
        let late = Socket::Up { late: Some(message) };
        match fault {
            None => {
                self.receive(message);
                Some(Delivery::Delivered)
            }
            Some(PushFault::MessageLost) => Some(Delivery::Unacknowledged),
            Some(PushFault::AcknowledgementLost) => {
                self.receive(message);
                Some(Delivery::Unacknowledged)
            }
            Some(PushFault::MessageLate) => {
                self.daemon.socket = late;
                Some(Delivery::Unacknowledged)
            }
            Some(PushFault::MessageDoubled) => {
                self.receive(message);
                self.daemon.socket = late;
                Some(Delivery::Delivered)
            }
            Some(PushFault::ApiTimeout) => {
                self.receive(message);
                Some(Delivery::Failed)
            }
            Some(PushFault::ApiError) => None,
        }
    }

    /// The other process answers a hint with a heartbeat, as a daemon does.
    fn other_receives(&mut self, message: Message) {
        if message == Message::Hint
            && let Some(ring) = &mut self.ring
            && ring.request == Progress::Pending
        {
            self.ring = None;
        }
    }

    /// The broker ends the connection, and both ends learn of it.
    pub fn disconnect(&mut self) {
        if self.session == Session::Current
            && let Socket::Up { .. } = self.daemon.socket
        {
            self.daemon.socket = Socket::Closing;
        }
        self.end_session();
    }

    pub fn end_session(&mut self) {
        if self.session != Session::None {
            self.session = Session::None;
            self.event = Event::Due;
        }
    }

    /// A connection of the same client id takes over from an older one.
    pub fn connect(&mut self) {
        self.end_session();
        self.session = Session::Current;
        self.daemon.socket = Socket::Up { late: None };
    }

    pub fn lose(&mut self, loss: Loss) {
        let dead = Socket::Dead { age: 0 };
        match loss {
            Loss::Closed => self.disconnect(),
            Loss::HalfOpen => self.daemon.socket = dead,
            Loss::ClosedAtBroker => {
                self.end_session();
                self.daemon.socket = dead;
            }
            Loss::TakenOver { noticed } => {
                self.end_session();
                self.session = Session::Other;
                self.daemon.socket = if noticed { Socket::Closing } else { dead };
            }
        }
    }

    /// The daemon's end is gone without a word.
    pub fn abandon(&mut self) {
        if self.session == Session::Current {
            let age = match self.daemon.socket {
                Socket::Dead { age } => age,
                _ => 0,
            };
            self.session = Session::Silent { age };
        }
        self.daemon.socket = Socket::Closed;
    }
}
