//! One seed from beginning to end. The same seed is the same history: it runs on one thread, in tokio's paused time, which
//! moves to the next timer when everybody waits, and every choice is the seed's.

use std::sync::{Arc, Mutex};

use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::RuntimeId;
use doorbell_shared::store::Store;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use tokio::task::JoinSet;

use crate::asked::Asked;
use crate::chance::Chance;
use crate::history::History;
use crate::network::Caller;
use crate::parties::{auditor, client, daemon::Daemon, intruder};
use crate::plan::{DaemonPlan, END, OPEN_END, Plan, Storage};
use crate::storage::{Broken, Mutation, SeededTap};
use doorbell_protocol::time::TrueTime;
use crate::world::World;

/// A seed that has been run.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) history: History,
}

const CLIENTS: [&str; 3] = ["client-1", "client-2", "client-3"];
const DAEMONS: [&str; 2] = ["daemon-1", "daemon-2"];

/// Runs `seed` on a sound store, or on one with a bug.
pub(crate) fn run(seed: u64, mutation: Option<Mutation>) -> Run {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    // The SDK draws its back-off from here.
    fastrand::seed(seed);
    tokio.unwrap().block_on(async {
        let chance = Arc::new(Chance::of_seed(seed));
        let plan = Plan::of(seed, &chance);
        let time = TrueTime::start();
        let history = match plan.storage {
            Storage::Memory => on(MemoryStore::default(), mutation, plan.clone(), chance, time).await,
            Storage::Embedded => on_embedded(mutation, plan.clone(), chance, time).await,
        };
        Run { seed, plan, history }
    })
}

async fn on_embedded(mutation: Option<Mutation>, plan: Plan, chance: Arc<Chance>, time: TrueTime) -> History {
    let tap = SeededTap { plan: plan.clone(), chance: Arc::clone(&chance), time, faults: Mutex::default() };
    let tap = Arc::new(tap);
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let store = engine.store_with_interceptor(Arc::<SeededTap>::clone(&tap));
    let mut history = on(store, mutation, plan, chance, time).await;
    history.faults += *tap.faults.lock().unwrap();
    history
}

async fn on<S: Store + Clone + 'static>(
    store: S,
    mutation: Option<Mutation>,
    plan: Plan,
    chance: Arc<Chance>,
    time: TrueTime,
) -> History {
    let world = Arc::new(World::new(plan, chance, time, Broken::new(store, mutation)));
    let runtimes = runtimes(&world.plan.daemons);
    let mut parties = JoinSet::new();
    for (name, plan) in DAEMONS.into_iter().zip(world.plan.daemons.clone()) {
        let runtime = runtime(plan.machine);
        parties.spawn(Arc::new(Daemon { world: Arc::clone(&world), name, plan, runtime }).run());
    }
    for name in CLIENTS.into_iter().take(usize::try_from(world.plan.clients).unwrap()) {
        parties.spawn(client::run(Arc::clone(&world), name, runtimes.clone()));
    }
    parties.spawn(intruder::run(Arc::clone(&world), runtimes));
    let auditor = tokio::spawn(auditor::run(Arc::clone(&world)));
    world.sleep_until(OPEN_END).await;
    parties.shutdown().await;
    world.sleep_until(END).await;
    auditor.abort();
    settle(&world).await;
    std::mem::take(&mut *world.history())
}

/// Lets everything that is under way end, and looks at every request once more.
async fn settle<S: Store + Clone + 'static>(world: &Arc<World<S>>) {
    world.sleep_until(END + 60_000).await;
    for (runtime, request) in auditor::made(world) {
        world.invoke(Caller::at_home("auditor"), Asked::Poll { runtime, request }).await;
    }
}

fn runtimes(daemons: &[DaemonPlan]) -> Vec<RuntimeId> {
    let mut runtimes: Vec<_> = daemons.iter().map(|daemon| runtime(daemon.machine)).collect();
    runtimes.dedup();
    runtimes
}

/// The runtime that a machine's daemon registers.
fn runtime(machine: &str) -> RuntimeId {
    RuntimeId::derive(WORKSPACE_A.parse().unwrap(), machine, "codex", "")
}
