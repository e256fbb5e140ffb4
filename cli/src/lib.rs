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

/// Parses the command line, runs the command, and returns the exit code: 0 for success, 1 for a failure, 2 for a usage
/// error, 3 for a daemon that does not run.
pub async fn main() -> ExitCode {
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
