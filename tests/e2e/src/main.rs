//! The command `doorbell`, as the suites run it.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    doorbell_cli::main().await
}
