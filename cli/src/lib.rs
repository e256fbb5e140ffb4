//! The command `doorbell`, as a library so that tests can serve the API in their own process.
//!
//! | module | does |
//! |---|---|
//! | [`arguments`] | what can be typed |
//! | [`commands`] | what it does |
//! | [`client`] | rings, polls and lists, as a person's client does |
//! | [`gateway`] | the functions behind a local API Gateway |
//! | [`output`] | tables, spinners, errors |

pub mod arguments;
pub mod commands;
pub mod output;

use std::process::ExitCode;

use clap::Parser as _;

/// Parses the command line, runs the command, and returns the exit code: 0 for success, 1 for a failure, 2 for a usage error.
pub async fn main() -> ExitCode {
    let arguments = arguments::Arguments::parse();
    output::log_to_stderr(arguments.log_level());
    match commands::run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error, error.advice().as_deref());
            ExitCode::FAILURE
        }
    }
}
