//! Ctrl-C and SIGTERM.

use tokio_util::sync::CancellationToken;

/// A token that is cancelled when the process is asked to end.
pub(super) fn on_signal() -> std::io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    let mut terminate = terminate()?;
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminate.wait() => {}
        }
        signalled.cancel();
    });
    Ok(stop)
}

#[cfg(unix)]
struct Terminate(tokio::signal::unix::Signal);

#[cfg(unix)]
fn terminate() -> std::io::Result<Terminate> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map(Terminate)
}

#[cfg(unix)]
impl Terminate {
    async fn wait(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(not(unix))]
struct Terminate;

#[cfg(not(unix))]
fn terminate() -> std::io::Result<Terminate> {
    Ok(Terminate)
}

#[cfg(not(unix))]
impl Terminate {
    async fn wait(&mut self) {
        std::future::pending().await
    }
}
