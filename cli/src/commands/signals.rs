//! Ctrl-C and SIGTERM.

use tokio_util::sync::CancellationToken;

use super::CommandError;

/// Runs `command` with a token that Ctrl-C or SIGTERM cancels. A second Ctrl-C drops the command at once.
pub(super) async fn run_until_signal<F>(
    command: impl FnOnce(CancellationToken) -> F,
) -> Result<(), CommandError>
where
    F: Future<Output = Result<(), CommandError>>,
{
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let command = command(stop.clone());
    let interrupted = async {
        signals.stop_requested().await;
        tracing::info!("stopping; press Ctrl-C again to abort work in progress");
        stop.cancel();
        signals.interrupted().await;
    };
    tokio::select! {
        ended = command => ended,
        () = interrupted => Err(CommandError::Interrupted),
    }
}

/// Runs `work` until Ctrl-C or SIGTERM, which drops it. `None`: a signal came first.
pub(super) async fn unless_stopped<T>(work: impl Future<Output = T>) -> std::io::Result<Option<T>> {
    let mut signals = Signals::new()?;
    tokio::select! {
        ended = work => Ok(Some(ended)),
        () = signals.stop_requested() => Ok(None),
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn stop_requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    async fn interrupted(&mut self) {
        self.interrupt.recv().await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn stop_requested(&mut self) {
        self.interrupted().await;
    }

    async fn interrupted(&mut self) {
        // Without a listener, the default action ends the process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
