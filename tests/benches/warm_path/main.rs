//! The warm path: what an invocation takes of our own code, and what the SDK takes beside it.
//!
//! `clocked` tells times apart, `case` has the calls, `world` makes them; `own` and `sdk` measure, and `page` says what came of
//! it.
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

mod case;
mod clocked;
mod own;
mod page;
mod sdk;
mod store;
mod world;

use std::io::sink;

use doorbell_bench::{Effort, save};
use doorbell_shared::http::log;
use doorbell_shared::lambda::Recorder;
use tracing::level_filters::LevelFilter;

fn main() -> std::io::Result<()> {
    let effort = Effort::asked();
    // As `main` has them on Lambda, but for where the lines go.
    tracing::subscriber::set_global_default(log::subscriber(LevelFilter::INFO, sink)).unwrap();
    let recorder = Recorder::install("bench".to_owned()).unwrap();
    let own = own::measure(effort, recorder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let sdk = runtime.block_on(sdk::measure(effort, recorder));
    save("warm_path", effort, &page::section(&own, &sdk))
}
