//! What our own code takes: on the store in memory, at two concurrencies.

use std::time::Duration;

use doorbell_bench::{Effort, Spread};
use doorbell_shared::lambda::Recorder;
use doorbell_shared::store::memory::MemoryStore;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::case::{CARRYING, Case};
use crate::clocked::spent;
use crate::world::World;

/// As on Lambda, which hands a process one event at a time, and as many as a crowded `doorbell dev` has.
pub(crate) const CONCURRENCIES: [usize; 2] = [1, 64];

/// Microseconds of our own, by concurrency.
pub(crate) struct Own {
    pub(crate) case: Case,
    pub(crate) at: [Spread; 2],
}

/// Measures every case. In rounds, so that what the machine does meanwhile meets all of them.
pub(crate) fn measure(effort: Effort, recorder: Recorder) -> Vec<Own> {
    let rounds = effort.pick(5, 1);
    let mut samples: Vec<[Vec<f64>; 2]> = Case::all().map(|_| Default::default()).collect();
    for _ in 0..rounds {
        for (case, samples) in Case::all().zip(&mut samples) {
            for (concurrency, samples) in CONCURRENCIES.into_iter().zip(samples) {
                let callers = effort.pick(concurrency, concurrency.min(2));
                samples.extend(round(case, callers, calls(case, effort), recorder));
            }
        }
    }
    Case::all().zip(samples).map(|(case, samples)| Own { case, at: samples.map(Spread::of) }).collect()
}

fn calls(case: Case, effort: Effort) -> usize {
    effort.pick(if CARRYING.contains(&case) { 64 } else { 640 }, 2)
}

/// So many calls, spread over so many callers who each make one at a time.
fn round(case: Case, callers: usize, calls: usize, recorder: Recorder) -> Vec<f64> {
    let mut runtime = if callers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = runtime.enable_time().build().unwrap();
    runtime.block_on(async {
        let mut calling = JoinSet::new();
        for _ in 0..callers {
            calling.spawn(caller(case, calls / callers, recorder));
        }
        calling.join_all().await.concat()
    })
}

async fn caller(case: Case, calls: usize, recorder: Recorder) -> Vec<f64> {
    let mut world = World::new(case, MemoryStore::default(), recorder).await;
    let mut own = Vec::with_capacity(calls);
    for _ in 0..calls {
        let event = world.event().await;
        let (_, spent) = spent(world.call(&event)).await;
        own.push(micros(spent.own()));
    }
    own
}

pub(crate) fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
