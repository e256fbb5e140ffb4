//! The state of a daemon for users.

use doorbell_protocol::RuntimeRecord;
use tokio::sync::watch;

use crate::push::PushStatus;

/// What a daemon does at present.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DaemonStatus {
    /// How its calls fare.
    pub connection: Connection,
    /// The server's records of its runtimes, from the last registration, in the order of the agents.
    pub runtimes: Vec<RuntimeRecord>,
    /// The push channel.
    pub push: PushStatus,
}

/// How the calls of a daemon fare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Connection {
    /// No call has ended.
    #[default]
    Starting,
    /// There is no agent on this machine. No calls are made until there is one.
    NoAgents,
    /// The runtimes are registered, and the last heartbeat was answered.
    Online,
    /// The last registration or heartbeat failed. The daemon tries again.
    Retrying {
        /// Why, and what helps. One line without secrets and control characters.
        reason: String,
    },
    /// The server has rejected the token for minutes. The daemon tries every five minutes.
    TokenRejected,
}

/// Where the parts of a daemon write its status. Logs each change of the connection once.
#[derive(Debug, Default)]
pub(crate) struct StatusBoard(watch::Sender<DaemonStatus>);

impl StatusBoard {
    pub(crate) fn subscribe(&self) -> watch::Receiver<DaemonStatus> {
        self.0.subscribe()
    }

    pub(crate) fn show_push(&self, push: PushStatus) {
        self.0.send_if_modified(|status| replace_if_other(&mut status.push, push));
    }

    pub(crate) fn show(&self, connection: Connection, runtimes: Vec<RuntimeRecord>) {
        self.0.send_if_modified(|status| {
            let is_other = replace_if_other(&mut status.runtimes, runtimes);
            if status.connection == connection {
                return is_other;
            }
            log(&status.connection, &connection);
            status.connection = connection;
            true
        });
    }
}

fn log(old: &Connection, new: &Connection) {
    match new {
        Connection::Starting => {}
        Connection::NoAgents => tracing::warn!("no agent program was found; looking for one"),
        Connection::Online if *old == Connection::Starting => tracing::info!("online"),
        Connection::Online => tracing::info!("online again"),
        Connection::Retrying { reason } => tracing::warn!("{reason}; trying again"),
        Connection::TokenRejected => {
            tracing::error!(
                "the server rejects the token: replace it and start the daemon again; trying every 5 minutes"
            );
        }
    }
}

/// Returns whether the value has changed.
pub(crate) fn replace_if_other<T: PartialEq>(old: &mut T, new: T) -> bool {
    let is_other = *old != new;
    *old = new;
    is_other
}
