//! Shared by the benches: results as JSON lines on standard output, and brief runs under `cargo test`.
#![allow(clippy::print_stdout, reason = "results go to standard output")]

use serde_json::Value;

/// `cargo bench` passes `--bench`; `cargo test` does not, and runs each bench once and small.
pub fn is_brief() -> bool {
    !std::env::args().any(|argument| argument == "--bench")
}

/// Prints one result as a line of JSON.
pub fn emit(result: &Value) {
    println!("{result}");
}
