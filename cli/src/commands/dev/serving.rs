//! The API on a socket, until it is told to end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use doorbell_shared::store::{Store, TokenStore};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::commands::CommandError;
use doorbell_gateway::{self, Gateway};

/// How long calls under way may still take at the end.
const GRACE: Duration = Duration::from_secs(5);

/// A server that has its socket.
pub(super) struct Serving {
    addr: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

impl Serving {
    /// Serves `gateway` on `addr`; port 0 is any that is free.
    pub(super) async fn start<S: Store + 'static, T: TokenStore + 'static>(
        gateway: Gateway<S, T>,
        addr: SocketAddr,
    ) -> Result<Self, CommandError> {
        let (addr, listener) = listen(addr).await.map_err(|source| CommandError::Listen { addr, source })?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let server = tokio::spawn(doorbell_gateway::serve(listener, gateway, stopped));
        Ok(Self { addr, stop, server })
    }

    /// Where it is, with the port that was free.
    pub(super) fn url(&self) -> Result<Url, CommandError> {
        format!("http://{}", self.addr).parse().map_err(|_| CommandError::Address(self.addr))
    }

    /// Takes no new calls, and answers those under way if that is soon.
    pub(super) async fn end(self) -> Result<(), CommandError> {
        self.stop.cancel();
        let Ok(ended) = tokio::time::timeout(GRACE, self.server).await else {
            tracing::warn!("stopped with calls under way");
            return Ok(());
        };
        Ok(ended.map_err(io::Error::from)??)
    }
}

async fn listen(addr: SocketAddr) -> io::Result<(SocketAddr, TcpListener)> {
    let listener = TcpListener::bind(addr).await?;
    Ok((listener.local_addr()?, listener))
}
