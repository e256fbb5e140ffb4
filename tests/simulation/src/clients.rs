//! The actors except daemons: clients, an attacker of another workspace, and an observer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorbell_client::TIMEOUT;
use doorbell_protocol::{RequestId, RuntimeId};

use crate::context::{Context, SharedStore};
use crate::history::FaultKind;
use crate::operation::{Caller, Operation, WorkResult, Workspace};
use crate::plan::INITIATES_END;

/// The time after which clients stop polling.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes requests to some of `runtimes` until the client ends or crashes.
pub(crate) async fn run_client<S: SharedStore>(
    context: Arc<Context<S>>,
    name: &'static str,
    runtimes: Vec<RuntimeId>,
) {
    let lifetime = context.environment.rng.one_of(&[5_000, 40_000, 200_000, 200_000, 200_000]);
    let requests = make_requests(&context, Caller::own(name), &runtimes);
    if tokio::time::timeout(Duration::from_millis(lifetime), requests).await.is_err() {
        context.environment.record_fault(FaultKind::ClientCrashed);
    }
}

async fn make_requests<S: SharedStore>(context: &Arc<Context<S>>, caller: Caller, runtimes: &[RuntimeId]) {
    for _ in 0..context.environment.rng.number(1..4) {
        context.environment.sleep(0..20_000).await;
        if context.environment.clock.elapsed_ms() > INITIATES_END {
            return;
        }
        let runtime = context.environment.rng.one_of(runtimes);
        let Some(response) = context.call(caller, TIMEOUT, Operation::Initiate { runtime }).await else {
            continue;
        };
        if response.status == 200 {
            let request = response.body["id"].as_str().unwrap().parse().unwrap();
            poll_until_done(context, caller, Operation::Poll { runtime, request }).await;
        }
    }
}

/// Stops at the first error.
async fn poll_until_done<S: SharedStore>(context: &Arc<Context<S>>, caller: Caller, poll: Operation) {
    let interval = context.environment.plan.poll_interval;
    for _ in 0..POLL_TIMEOUT.as_millis() / interval.as_millis() {
        tokio::time::sleep(interval).await;
        let response =
            context.call(caller, TIMEOUT, poll.clone()).await.filter(|response| response.status == 200);
        let status = response.as_ref().and_then(|response| response.body["status"].as_str());
        if !matches!(status, Some("pending" | "running")) {
            return;
        }
    }
}

/// Tries every operation on every id, with valid tokens of another workspace.
pub(crate) async fn run_attacker<S: SharedStore>(context: Arc<Context<S>>, runtimes: Vec<RuntimeId>) {
    let caller = Caller { name: "attacker", workspace: Workspace::Other };
    loop {
        context.environment.sleep(500..25_000).await;
        let operation = attack(&context, runtimes[0]);
        context.call(caller, TIMEOUT, operation).await;
    }
}

fn attack<S>(context: &Context<S>, any: RuntimeId) -> Operation {
    let rng = &context.environment.rng;
    let requests = context.environment.history().requests();
    let (runtime, request) = if requests.is_empty() { (any, RequestId::MIN) } else { rng.one_of(&requests) };
    match rng.number(0..6) {
        0 => Operation::Initiate { runtime },
        1 => Operation::Poll { runtime, request },
        2 => Operation::List { workspace: Workspace::Own },
        3 => Operation::Deregister { runtime },
        4 => Operation::Heartbeat { runtime, in_flight: rng.one_of(&[None, Some(Vec::new())]) },
        _ => {
            let result = WorkResult { completed: true, text: "attacker".to_owned() };
            Operation::Report { runtime, request, result }
        }
    }
}

/// Polls every request until 404, so that each history reaches the end of retention.
pub(crate) async fn run_observer<S: SharedStore>(context: Arc<Context<S>>) {
    let gone = Arc::new(Mutex::new(BTreeSet::new()));
    loop {
        context.environment.sleep(2_000..40_000).await;
        let requests = context.environment.history().requests();
        for (runtime, request) in requests {
            if gone.lock().unwrap().contains(&request) {
                continue;
            }
            let context = Arc::clone(&context);
            let gone = Arc::clone(&gone);
            tokio::spawn(async move {
                if observe(&context, runtime, request).await == Some(404) {
                    gone.lock().unwrap().insert(request);
                }
            });
        }
    }
}

/// Polls without the network: lost responses would hide states.
pub(crate) async fn observe<S: SharedStore>(
    context: &Arc<Context<S>>,
    runtime: RuntimeId,
    request: RequestId,
) -> Option<u16> {
    let response = context.invoke(Caller::own("observer"), Operation::Poll { runtime, request }).await;
    response.map(|response| response.status)
}
