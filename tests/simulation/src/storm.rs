//! The restart of a broker: 500 daemons lose their connections at once and come back, while clients ask each of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::RequestId;
use doorbell_shared::store::memory::MemoryStore;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

use crate::asked::Asked;
use crate::broker::Broker;
use crate::clients::{make_request, observe};
use crate::context::{Context, Environment};
use crate::daemon::Daemon;
use crate::events::run_rule;
use crate::history::{History, PushRecord};
use crate::operation::{Caller, Operation, Route};
use crate::plan::{DaemonPlan, Plan};
use crate::push_plan::PushPlan;
use crate::runner::{in_virtual_time, runtime};
use crate::seeded::SeededRng;

const DAEMONS: u64 = 500;

/// All in milliseconds. Every connection has been proven for the minute after which a daemon reconnects at once.
const RESTART: u64 = 120_000;

/// The broker is back.
const BACK: u64 = RESTART + 10_000;

/// The last request was made, collected and answered: the client asks for a minute.
const ANSWERED: u64 = RESTART + 60_000 + 20_000;

/// Every daemon is proven again: after at most seven tries its waits are up to 64 s, and a heartbeat follows within 15 s.
const PROVEN: u64 = BACK + 120_000;

/// A fifth of the daemons. After 10 s their waits are up to 8 or 16 s, and without jitter all would come in one second.
const MOST_IN_A_SECOND: usize = DAEMONS as usize / 5;

struct Storm {
    history: History,
    /// The status of each request at the end.
    statuses: Vec<String>,
}

#[test]
fn reconnecting_daemons_are_spread_and_lose_no_request() {
    let Storm { history, statuses } = in_virtual_time(0, run());
    let mut seconds = BTreeMap::new();
    for (at, push) in &history.pushes {
        if *push == PushRecord::Connected && at.millis >= RESTART {
            *seconds.entry(at.millis / 1_000).or_insert(0) += 1;
        }
    }
    let most = seconds.values().copied().max().unwrap_or(0);
    let last = seconds.keys().last().copied().unwrap_or(0).saturating_sub(BACK / 1_000);
    let proven = history
        .pushes
        .iter()
        .filter(|(at, push)| matches!(push, PushRecord::Leased { .. }) && at.millis >= BACK);
    let proven = proven.count();
    println!("{DAEMONS} daemons reconnect within {last} s, at most {most} in a second");
    let answered = |status: &&String| matches!(status.as_str(), "completed" | "failed");
    assert_eq!(statuses.iter().filter(answered).count(), usize::try_from(DAEMONS).unwrap(), "{statuses:?}");
    assert!(most <= MOST_IN_A_SECOND, "{seconds:?}");
    assert!(proven >= usize::try_from(DAEMONS).unwrap(), "{proven} leases");
}

async fn run() -> Storm {
    let environment = Arc::new(Environment::of_plan(plan(), Arc::new(SeededRng::new(0))));
    let (disconnected, disconnections) = unbounded_channel();
    let broker = Arc::new(Broker::new(Arc::clone(&environment), None, disconnected));
    let store = MemoryStore::default();
    let context = Arc::new(Context::new(Arc::clone(&environment), store, None, Some(Arc::clone(&broker))));
    for daemon in &environment.plan.daemons {
        context.issue_token(daemon.machine).await;
    }
    let mut actors = JoinSet::new();
    actors.spawn(run_rule(Arc::clone(&context), disconnections));
    for &plan in &environment.plan.daemons {
        let runtime = runtime(plan.machine);
        actors.spawn(
            Arc::new(Daemon { context: Arc::clone(&context), name: plan.machine, plan, runtime }).run(),
        );
    }
    environment.sleep_until(RESTART).await;
    broker.end_all();
    let asks = environment.plan.daemons.iter().map(|daemon| ask(Arc::clone(&context), daemon.machine));
    let asks: JoinSet<()> = asks.collect();
    environment.sleep_until(ANSWERED).await;
    asks.join_all().await;
    let requests = environment.history().requests();
    for (runtime, request) in &requests {
        observe(&context, *runtime, *request).await;
    }
    environment.sleep_until(PROVEN).await;
    actors.shutdown().await;
    let history = std::mem::take(&mut *environment.history());
    let statuses = requests.into_iter().map(|(_, request)| last_status(&history, request)).collect();
    Storm { history, statuses }
}

async fn ask(context: Arc<Context<MemoryStore>>, machine: &'static str) {
    context.environment.sleep(0..60_000).await;
    make_request(&context, Caller::own("client"), runtime(machine), Route::Models, Asked::MODELS).await;
}

fn last_status(history: &History, request: RequestId) -> String {
    let polls = history.calls.iter().rev().filter_map(|call| match call.operation {
        Operation::Poll(named) if named.request == request => call.response(),
        _ => None,
    });
    let status = polls.filter_map(|response| response.body["status"].as_str()).next();
    status.unwrap_or("unknown").to_owned()
}

fn plan() -> Plan {
    let daemon = |number: u64| DaemonPlan {
        machine: String::leak(format!("machine-{number}")),
        whole: true,
        tracks: true,
        crashes: false,
        fast: true,
        pushes: true,
    };
    let push = PushPlan::sound(Duration::from_secs(6 * 3_600), std::iter::once(RESTART..BACK).collect());
    Plan::sound((0..DAEMONS).map(daemon).collect(), push)
}
