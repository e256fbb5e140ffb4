//! `doorbell`: parse, run, exit. 0 when it went well, 1 when it did not, 2 when the command line is wrong.

use std::process::ExitCode;

use clap::Parser as _;
use doorbell_cli::arguments::Arguments;
use doorbell_cli::{commands, output};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    output::log_to_stderr(arguments.log_level());
    match commands::run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error, error.advice().as_deref());
            ExitCode::FAILURE
        }
    }
}
