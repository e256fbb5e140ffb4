//! Runs a seed in tokio's paused time on one thread. The same seed gives the same history.

use std::sync::Arc;

use doorbell_protocol::RuntimeId;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use tokio::task::JoinSet;

use crate::clients::{observe, run_attacker, run_client, run_observer};
use crate::context::{Bug, Context, Environment, SharedStore};
use crate::daemon::Daemon;
use crate::history::History;
use crate::plan::{END, OPEN_END, Plan, Storage};
use crate::seeded::NAMESPACE;
use crate::store::SeededInterceptor;

pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) history: History,
}

const CLIENTS: [&str; 3] = ["client-1", "client-2", "client-3"];
const DAEMONS: [&str; 2] = ["daemon-1", "daemon-2"];

pub(crate) fn run(seed: u64, bug: Option<Bug>) -> Run {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    // The SDK's back-off.
    fastrand::seed(seed);
    tokio.unwrap().block_on(async {
        let environment = Arc::new(Environment::new(seed));
        match environment.plan.storage {
            Storage::Memory => simulate(&environment, MemoryStore::default(), bug).await,
            Storage::Embedded => {
                let engine = EmbeddedDynamoDb::start().await.unwrap();
                let interceptor = Arc::new(SeededInterceptor(Arc::clone(&environment)));
                simulate(&environment, engine.store_with_interceptor(interceptor), bug).await;
            }
        }
        let history = std::mem::take(&mut *environment.history());
        Run { plan: environment.plan.clone(), history }
    })
}

async fn simulate<S: SharedStore>(environment: &Arc<Environment>, store: S, bug: Option<Bug>) {
    let context = Arc::new(Context::new(Arc::clone(environment), store, bug));
    let plans = &environment.plan.daemons;
    let mut runtimes: Vec<_> = plans.iter().map(|daemon| runtime(daemon.machine)).collect();
    runtimes.dedup();
    let mut actors = JoinSet::new();
    for (name, &plan) in DAEMONS.into_iter().zip(plans) {
        let runtime = runtime(plan.machine);
        actors.spawn(Arc::new(Daemon { context: Arc::clone(&context), name, plan, runtime }).run());
    }
    for name in CLIENTS.into_iter().take(usize::try_from(environment.plan.clients).unwrap()) {
        actors.spawn(run_client(Arc::clone(&context), name, runtimes.clone()));
    }
    actors.spawn(run_attacker(Arc::clone(&context), runtimes));
    let observer = tokio::spawn(run_observer(Arc::clone(&context)));
    environment.sleep_until(OPEN_END).await;
    actors.shutdown().await;
    environment.sleep_until(END).await;
    observer.abort();
    // Every call in progress ends; then each request is polled once more.
    environment.sleep_until(END + 60_000).await;
    let requests = environment.history().requests();
    for (runtime, request) in requests {
        observe(&context, runtime, request).await;
    }
}

/// The runtime that the daemon of a machine registers.
fn runtime(machine: &str) -> RuntimeId {
    NAMESPACE.runtime_id(machine, "codex", "")
}
