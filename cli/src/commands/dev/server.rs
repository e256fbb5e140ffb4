//! The API on a loopback socket, with graceful shutdown.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::commands::CommandError;

/// The time limit of calls in progress at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// A running server.
pub(super) struct Server {
    addr: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Runs `serve` on `addr` until it is shut down. Port 0 is any free port.
    pub(super) async fn start<F: Future<Output = io::Result<()>> + Send + 'static>(
        addr: SocketAddr,
        serve: impl FnOnce(TcpListener, WaitForCancellationFutureOwned) -> F,
    ) -> Result<Self, CommandError> {
        raise_open_file_limit();
        let (addr, listener) = listen(addr).await.map_err(|source| CommandError::Listen { addr, source })?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, stop.clone().cancelled_owned()));
        Ok(Self { addr, stop, task })
    }

    /// With the port that the system chose.
    pub(super) fn url(&self) -> Result<Url, CommandError> {
        self.base_url().parse().map_err(|_| CommandError::Address(self.addr))
    }

    /// Without the trailing slash of [`Url`].
    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Accepts no more calls, and waits for calls in progress for [`SHUTDOWN_TIMEOUT`] at most.
    pub(super) async fn shut_down(self) -> Result<(), CommandError> {
        self.stop.cancel();
        let Ok(ended) = tokio::time::timeout(SHUTDOWN_TIMEOUT, self.task).await else {
            tracing::warn!("stopped with calls in progress");
            return Ok(());
        };
        Ok(ended.map_err(io::Error::from)??)
    }
}

async fn listen(addr: SocketAddr) -> io::Result<(SocketAddr, TcpListener)> {
    let listener = TcpListener::bind(addr).await?;
    Ok((listener.local_addr()?, listener))
}

/// Raises the soft RLIMIT_NOFILE to the hard limit, because each connection is an open file. The low default exists for
/// programs that use `select`.
#[cfg(unix)]
fn raise_open_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::warn!(%error, "open file limit not raised");
    }
}

#[cfg(not(unix))]
fn raise_open_file_limit() {}
