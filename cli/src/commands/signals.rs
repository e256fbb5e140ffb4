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

/// Ctrl-C and SIGTERM for a part of a command. From [`listen`](Self::listen) on they do not end the process.
pub(super) struct StopSignals(Signals);

impl StopSignals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Signals::new().map(Self)
    }

    /// Runs `work` until a signal, which drops it. `None`: a signal came first.
    pub(super) async fn unless_stopped<T>(mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            ended = work => Some(ended),
            () = self.0.stop_requested() => None,
        }
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
