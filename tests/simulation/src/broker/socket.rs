//! The daemon's end of a connection.

use std::sync::Arc;

use doorbell_shared::push::ClientId;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Broker, Packet, Path};

#[derive(Debug)]
pub(crate) struct Socket {
    pub(super) broker: Arc<Broker>,
    pub(super) client: ClientId,
    pub(crate) number: u64,
    pub(super) packets: UnboundedReceiver<Packet>,
}

impl Socket {
    /// `None` once the end of the connection is noticed.
    pub(crate) async fn receive(&mut self) -> Option<Packet> {
        self.packets.recv().await
    }

    /// Whether the ping is answered.
    pub(crate) async fn ping(&self) -> bool {
        let environment = &self.broker.environment;
        self.broker.travel().await;
        let mut state = self.broker.state();
        let connection = state.connections.get_mut(&self.client);
        let connection = connection.filter(|connection| connection.number == self.number);
        let Some(connection) = connection.filter(|connection| connection.path != Path::HalfOpen) else {
            return false;
        };
        connection.heard = environment.clock.elapsed_ms();
        true
    }
}

/// The end of a process closes its sockets. A power cut tells the broker nothing.
impl Drop for Socket {
    fn drop(&mut self) {
        let environment = &self.broker.environment;
        let now = environment.clock.elapsed_ms();
        let has_power = environment.plan.outage.as_ref().is_none_or(|outage| !outage.contains(&now));
        let state = self.broker.state();
        let open = state.connections.get(&self.client).filter(|open| open.number == self.number);
        let is_heard = open.is_some_and(|open| open.path != Path::HalfOpen);
        drop(state);
        if has_power && is_heard {
            self.broker.end(&self.client, self.number);
        }
    }
}
