//! Runs a seed in tokio's paused time on one thread. The same seed gives the same history.

use std::sync::Arc;

use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::{RequestId, RuntimeId};
use doorbell_shared::access::Principal;
use doorbell_shared::presence::HeartbeatChannel;
use doorbell_shared::store::HeartbeatOutcome;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::clients::{
    observe, run_attacker, run_client, run_flood, run_neighbour, run_observer, run_picker, run_visitor,
};
use crate::context::{Bug, Context, Environment, SharedStore};
use crate::daemon::Daemon;
use crate::enrolment::{find_valid_tokens, run_enrolments};
use crate::events::run_rule;
use crate::history::History;
use crate::interceptor::SeededInterceptor;
use crate::operation::{Caller, Named, Operation, Route};
use crate::plan::{Plan, Storage};
use crate::queue::LeftOpen;
use crate::seeded::{NAMESPACE, at};
use crate::watcher::{run_cut_off_client, run_late_client, run_watcher};

pub(crate) struct Run {
    pub(crate) plan: Plan,
    pub(crate) history: History,
    /// The open sets after the end.
    pub(crate) open: LeftOpen,
}

const CLIENTS: [&str; 3] = ["client-1", "client-2", "client-3"];
const DAEMONS: [&str; 2] = ["daemon-1", "daemon-2"];

/// One finds what has ended. On the embedded engine, a lost response of its removal is retried by the SDK.
const LAST_HEARTBEATS: usize = 1;

/// Runs a future on one thread, in virtual time.
pub(crate) fn in_virtual_time<T>(seed: u64, future: impl Future<Output = T>) -> T {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    // The SDK's back-off.
    fastrand::seed(seed);
    tokio.unwrap().block_on(future)
}

pub(crate) fn run(seed: u64, bug: Option<Bug>) -> Run {
    in_virtual_time(seed, async {
        let environment = Arc::new(Environment::new(seed));
        let open = match environment.plan.storage {
            Storage::Memory => simulate(&environment, MemoryStore::default(), bug).await,
            Storage::Embedded => {
                let engine = EmbeddedDynamoDb::start().await.unwrap();
                let interceptor = Arc::new(SeededInterceptor(Arc::clone(&environment)));
                simulate(&environment, engine.store_with_interceptor(interceptor), bug).await
            }
        };
        let history = std::mem::take(&mut *environment.history());
        Run { plan: environment.plan.clone(), history, open }
    })
}

async fn simulate<S: SharedStore>(environment: &Arc<Environment>, store: S, bug: Option<Bug>) -> LeftOpen {
    let (disconnected, disconnections) = unbounded_channel();
    let channel = environment.plan.push.as_ref();
    let broker = channel.map(|_| Arc::new(Broker::new(Arc::clone(environment), bug, disconnected)));
    let context = Arc::new(Context::new(Arc::clone(environment), store, bug, broker));
    let plans = &environment.plan.daemons;
    let mut runtimes: Vec<_> = plans.iter().map(|daemon| runtime(daemon.machine)).collect();
    runtimes.dedup();
    let mut actors = JoinSet::new();
    let rule = channel.map(|_| tokio::spawn(run_rule(Arc::clone(&context), disconnections)));
    if channel.is_some() {
        for daemon in plans {
            context.issue_token(daemon.machine).await;
        }
        actors.spawn(run_late_client(Arc::clone(&context), runtimes.clone()));
        actors.spawn(run_cut_off_client(Arc::clone(&context), runtimes.clone()));
        actors.spawn(run_watcher(Arc::clone(&context), runtimes.clone()));
    }
    for (name, &plan) in DAEMONS.into_iter().zip(plans) {
        let runtime = runtime(plan.machine);
        actors.spawn(Arc::new(Daemon { context: Arc::clone(&context), name, plan, runtime }).run());
    }
    for name in CLIENTS.into_iter().take(usize::try_from(environment.plan.clients).unwrap()) {
        actors.spawn(run_client(Arc::clone(&context), name, runtimes.clone()));
    }
    if environment.plan.flood {
        actors.spawn(run_flood(Arc::clone(&context), runtimes[0]));
    }
    let all = runtimes.clone();
    if environment.plan.enrolled {
        let machines = plans.iter().map(|daemon| daemon.machine).collect();
        actors.spawn(run_neighbour(Arc::clone(&context), machines));
        actors.spawn(run_enrolments(Arc::clone(&context)));
    }
    actors.spawn(run_visitor(Arc::clone(&context), runtimes.clone()));
    if environment.plan.picks {
        actors.spawn(run_picker(Arc::clone(&context), runtimes.clone()));
    }
    actors.spawn(run_attacker(Arc::clone(&context), runtimes));
    let observer = tokio::spawn(run_observer(Arc::clone(&context)));
    environment.sleep_until(environment.plan.open_end()).await;
    actors.shutdown().await;
    environment.sleep_until(environment.plan.end()).await;
    observer.abort();
    if let Some(rule) = rule {
        rule.abort();
    }
    // Every call in progress ends; then each request is polled once more.
    environment.sleep_until(environment.plan.end() + 60_000).await;
    let requests = environment.history().requests();
    for (runtime, request) in requests {
        observe(&context, runtime, request).await;
        // Queued requests may still be open.
        let cancel = Operation::Cancel(Named { route: Route::Generic, runtime, request });
        context.invoke(Caller::own("observer"), cancel).await;
    }
    find_valid_tokens(&context).await;
    let mut open = Vec::new();
    for runtime in all {
        open.push((runtime, left_open(&context, runtime).await));
    }
    open
}

/// The open set after the heartbeats that follow the end of all requests.
async fn left_open<S: SharedStore>(context: &Arc<Context<S>>, runtime: RuntimeId) -> Vec<RequestId> {
    for _ in 0..LAST_HEARTBEATS {
        let in_flight = Some(Vec::new());
        let heartbeat = Operation::Heartbeat { runtime, whole: true, in_flight, connected: None };
        context.invoke(Caller::own("observer"), heartbeat).await;
    }
    let now = at(i64::try_from(context.environment.clock.elapsed_ms()).unwrap());
    let caller = Principal::of_workspaces([WORKSPACE_A.parse().unwrap()]);
    let recorded =
        context.store.record_heartbeat(runtime, &caller, HeartbeatChannel::Plain, now).await.unwrap();
    // A runtime may never have been registered.
    let HeartbeatOutcome::Recorded(mut recorded) = recorded else { return Vec::new() };
    context.add_stray(runtime, &mut recorded.open);
    recorded.open.into_iter().map(|entry| entry.request).collect()
}

/// The runtime that the daemon of a machine registers.
pub(crate) fn runtime(machine: &str) -> RuntimeId {
    NAMESPACE.runtime_id(machine, "codex", "")
}
