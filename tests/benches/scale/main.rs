//! How it grows: heartbeats a second and memory of one `doorbell dev`, a long queue, and many heartbeats at once.
//!
//! `growth` starts this very program again as the server (`server`) and is its crowd (`crowd`, `connection`); `queue` and
//! `contention` run in this process (`ringing`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench fails by panicking")]

mod connection;
mod contention;
mod crowd;
mod growth;
mod queue;
mod ringing;
mod server;

use doorbell_bench::{Effort, Figures, Section, save};
use tokio::runtime::Builder;

fn main() -> std::io::Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    if server::is_asked_for() {
        runtime.block_on(server::be());
        return Ok(());
    }
    let (effort, mut figures) = (Effort::asked(), Figures::default());
    let mut blocks = runtime.block_on(growth::measure(effort, &mut figures));
    blocks.extend(runtime.block_on(queue::measure(effort, &mut figures)));
    let virtual_time = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    blocks.extend(virtual_time.block_on(contention::measure(effort, &mut figures)));
    save("scale", effort, &Section { title: "Scale".to_owned(), blocks, figures })
}
