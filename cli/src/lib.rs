//! The command `doorbell`.
//!
//! | module | content |
//! |---|---|
//! | [`arguments`] | the command line |
//! | [`commands`] | what each command does |
//! | [`output`] | tables, JSON, progress, errors |
//! | [`secret`] | tokens and enrolment codes |
//! | [`state`] | the files of the state directory |

pub mod arguments;
pub mod commands;
pub mod output;
pub mod secret;
pub mod state;

use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Runtime;

/// Runs the command of this process, and returns the exit code: 0 for success, 1 for a failure, 2 for a usage error,
/// 3 for a daemon that does not run.
pub fn main() -> ExitCode {
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&commands::CommandError::Io(error), None);
            return ExitCode::FAILURE;
        }
    };
    run_to_end(runtime, run())
}

/// How long threads may take at the end. The embedded engine closes its file within it.
const THREADS_TIMEOUT: Duration = Duration::from_secs(1);

/// Leaves threads behind that take longer than [`THREADS_TIMEOUT`]. The runtime's destructor would wait for the system's search of a host
/// name, which takes up to a minute without a network and cannot be cancelled.
fn run_to_end<T>(runtime: Runtime, command: impl Future<Output = T>) -> T {
    let ended = runtime.block_on(command);
    runtime.shutdown_timeout(THREADS_TIMEOUT);
    ended
}

/// Parses the command line and runs the command.
async fn run() -> ExitCode {
    let arguments = arguments::Arguments::of_process();
    output::log_to_stderr(arguments.log_level());
    match commands::run(arguments).await {
        Ok(_) if output::has_failed() => {
            output::error(&commands::CommandError::OutputNotWritten, None);
            ExitCode::FAILURE
        }
        Ok(code) => code,
        Err(error) => {
            output::error(&error, error.hint().as_deref());
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// As a search of a host name does.
    #[test]
    fn blocked_thread_does_not_delay_the_end() {
        let (release, blocked) = mpsc::channel::<()>();
        let command = async move {
            let (started, running) = tokio::sync::oneshot::channel();
            tokio::task::spawn_blocking(move || {
                let _ = started.send(());
                blocked.recv()
            });
            running.await
        };
        // Would not return.
        run_to_end(Runtime::new().unwrap(), command).unwrap();
        drop(release);
    }
}
