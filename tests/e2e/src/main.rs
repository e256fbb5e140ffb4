//! The command `doorbell`, as the suites run it.

use std::process::ExitCode;

fn main() -> ExitCode {
    doorbell_cli::main()
}
