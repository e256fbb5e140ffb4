//! The command `doorbell`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    doorbell_cli::main().await
}
