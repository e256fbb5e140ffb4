//! With a push channel: a client that asks late and reads nothing, so that hints alone wake daemons, and a watcher of what is shown.

use std::sync::Arc;

use doorbell_protocol::RuntimeId;

use crate::asked::{Asked, AskedKind};
use crate::clients::make_request;
use crate::context::{Context, Environment, SharedStore};
use crate::history::{AccessKind, AccessOutcome, PushRecord};
use crate::operation::{Caller, Operation, Route, Workspace};
use crate::presence::{COLLECTED, OFFLINE};

/// All in milliseconds. How often the watcher lists runtimes while a request should have been collected.
const CLOSE: u64 = 5_000;

/// How often it does otherwise, in units of [`CLOSE`].
const RARELY: u64 = 6;

/// By then daemons may be proven.
const LATE: u64 = 30_000;

/// Asks and never polls.
pub(crate) async fn run_late_client<S: SharedStore>(context: Arc<Context<S>>, runtimes: Vec<RuntimeId>) {
    let environment = &context.environment;
    environment.sleep(LATE..2 * LATE).await;
    while environment.clock.elapsed_ms() < environment.plan.initiates_end() {
        let runtime = environment.rng.one_of(&runtimes);
        let kind = environment.rng.one_of(&[AskedKind::Models, AskedKind::Question]);
        let args = Some(environment.rng.number(0..1_000_000)).filter(|_| kind == AskedKind::Question);
        let queue_s = environment.rng.one_of(&[0, 0, 40]);
        let asked = Asked { kind, args, queue_s, refresh: true };
        make_request(&context, Caller::own("late client"), runtime, Route::Generic, asked).await;
        environment.sleep(1_000..40_000).await;
    }
}

/// Asks while daemons are cut off, so late that the request outlives it. Hints arrive then, and heartbeats do not.
pub(crate) async fn run_cut_off_client<S: SharedStore>(context: Arc<Context<S>>, runtimes: Vec<RuntimeId>) {
    let environment = &context.environment;
    for cut_off in &environment.plan.cut_offs {
        environment.sleep_until(cut_off.end - environment.rng.number(500..4_000)).await;
        let runtime = environment.rng.one_of(&runtimes);
        let asked = Asked { kind: AskedKind::Models, args: None, queue_s: 40, refresh: true };
        make_request(&context, Caller::own("late client"), runtime, Route::Generic, asked).await;
    }
}

/// Records which runtimes are shown online: often after a request was not collected in time.
pub(crate) async fn run_watcher<S: SharedStore>(context: Arc<Context<S>>, runtimes: Vec<RuntimeId>) {
    let environment = &context.environment;
    for round in 0_u64.. {
        environment.sleep(CLOSE..CLOSE + 1).await;
        let now = environment.clock.elapsed_ms();
        let in_outage = environment.plan.outage.as_ref().is_some_and(|outage| outage.contains(&now));
        if waits_for_long(environment, now) || !in_outage && round % RARELY == 0 {
            list(&context, &runtimes).await;
        }
    }
}

/// Whether a recent request should have been collected, and was not.
fn waits_for_long(environment: &Environment, now: u64) -> bool {
    let history = environment.history();
    let is_claimed = |request| {
        let mut claims = history.accesses.iter().filter(|access| access.kind == AccessKind::Claim);
        claims.any(|claim| claim.request == request && claim.outcome == AccessOutcome::Done)
    };
    let rings = history.accesses.iter().rev().filter(|access| access.kind == AccessKind::Initiate);
    let recent = rings.take_while(|ring| ring.began.millis + OFFLINE + 2 * CLOSE > now);
    let mut late = recent.filter(|ring| ring.began.millis + COLLECTED < now);
    late.any(|ring| ring.outcome == AccessOutcome::Done && !is_claimed(ring.request))
}

async fn list<S: SharedStore>(context: &Arc<Context<S>>, runtimes: &[RuntimeId]) {
    let list = Operation::List { workspace: Workspace::Own };
    let response = context.invoke(Caller::own("watcher"), list).await;
    let Some(response) = response.filter(|response| response.status == 200) else { return };
    for &runtime in runtimes {
        let mut records = response.body.as_array().into_iter().flatten();
        let record = records.find(|record| record["id"] == runtime.to_string());
        if let Some(record) = record {
            let online = record["status"] == "online";
            context.environment.record_push(PushRecord::Shown { runtime, online });
        }
    }
}
