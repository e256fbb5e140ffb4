//! What each operation costs in calls to DynamoDB, request units and bytes, and what that depends on: counted, so it is the
//! same on every machine.
//!
//! `measure` goes through lifecycles and varies one thing at a time; `catalogs` has what depends on the length of a result;
//! `question` adds operations up; `flatness` says which cells differ; `present` writes the section.
#![expect(clippy::expect_used, clippy::panic, reason = "a bench fails by panicking")]

mod catalogs;
mod flatness;
mod measure;
mod present;
mod question;

use std::io;

use doorbell_bench::{Effort, save};

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let effort = Effort::asked();
    let catalogs = catalogs::catalogs().await;
    let varied = [
        measure::dead_requests(effort).await,
        measure::runtimes(effort).await,
        measure::open_requests(effort).await,
    ];
    save("counted_cost", effort, &present::section(&catalogs, &varied))
}
