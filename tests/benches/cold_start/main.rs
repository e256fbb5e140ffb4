//! Cold starts: each function's release binary under Lambda's runtime interface emulator, against a function that does
//! nothing, both built with the same profile.
//!
//! A round starts every binary once, one after the other, so that whatever slows the machine down for a while slows all of
//! them. A start is an emulator, a process and a table of its own, and a connection over TLS to a DynamoDB on loopback. Every
//! answer is looked at: one that is no success ends the bench.
//!
//! The functions are those that `localstack/build.sh` leaves, with the emulator that comes with the SAM CLI; the empty one is
//! built by `cargo lambda`. Where something is not there, `cargo bench` says so and fails, and `cargo test` passes over it.
//!
//! | variable | what |
//! |---|---|
//! | `DOORBELL_BENCH_BINARIES` | the whole path of a folder with other binaries, each as `<function>/bootstrap`, the empty one as `empty/bootstrap` |
//! | `DOORBELL_BENCH_WRITE_BEFORE` | set to anything: keeps what was measured as `before.json`, which later runs are shown beside, and leaves no section |

mod binaries;
mod dynamodb;
mod emulator;
mod environment;
mod events;
mod goals;
mod measure;
mod record;
mod report;
mod summary;
mod trust;

use std::process::ExitCode;

use binaries::Binaries;
use doorbell_bench::{Effort, save};
use record::Record;

const NAME: &str = "cold_start";

/// What a bench can fail with: a sentence for who runs it.
type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

#[tokio::main]
async fn main() -> ExitCode {
    let effort = Effort::asked();
    let done = match (Binaries::find(), effort) {
        (Ok(binaries), _) => bench(effort, &binaries).await,
        (Err(missing), Effort::Brief) => {
            say(&format!("passed over: {missing}"));
            Ok(())
        }
        (Err(missing), Effort::Full) => Err(missing),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn bench(effort: Effort, binaries: &Binaries) -> Result<()> {
    let record = measure::all(effort, binaries).await?;
    if effort == Effort::Full && std::env::var_os("DOORBELL_BENCH_WRITE_BEFORE").is_some() {
        return record.keep_as_before();
    }
    let section = report::section(&record, &Record::before()?)?;
    Ok(save(NAME, effort, &section)?)
}

#[expect(clippy::print_stderr, reason = "what a person at the terminal is told")]
fn say(text: &str) {
    eprintln!("{NAME}: {text}");
}
