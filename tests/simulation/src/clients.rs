//! The actors except daemons: clients, an attacker of another workspace, and an observer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorbell_client::TIMEOUT;
use doorbell_protocol::{RequestId, RuntimeId};

use crate::asked::{Asked, AskedKind};
use crate::context::{Context, SharedStore};
use crate::history::FaultKind;
use crate::operation::{Caller, CatalogEffect, Named, Operation, Route, WorkResult, Workspace};
use crate::runner::runtime;
use crate::seeded::SeededRng;

/// The time after which clients stop polling.
const POLL_TIMEOUT: Duration = Duration::from_secs(30);

/// More than may be open.
const FLOOD: u64 = 36;

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
    let rng = &context.environment.rng;
    for _ in 0..rng.number(1..4) {
        context.environment.sleep(0..20_000).await;
        if context.environment.clock.elapsed_ms() > context.environment.plan.initiates_end() {
            return;
        }
        let runtime = rng.one_of(runtimes);
        let (route, asked) = ask(rng, context.environment.plan.outage.is_some());
        let Some(named) = make_request(context, caller, runtime, route, asked).await else { continue };
        if rng.happens(150) {
            context.environment.sleep(0..40_000).await;
            context.call(caller, TIMEOUT, Operation::Cancel(Named { route: Route::Generic, ..named })).await;
        } else {
            poll_until_done(context, caller, Operation::Poll(named)).await;
        }
    }
}

/// Queued for long only if there is an outage.
fn ask(rng: &SeededRng, waits: bool) -> (Route, Asked) {
    let kind = rng.one_of(&[AskedKind::Models, AskedKind::Models, AskedKind::Question]);
    let queue_s =
        if waits { rng.one_of(&[0, 0, 40, 1_800, 7_200, 7_200]) } else { rng.one_of(&[0, 0, 0, 40]) };
    let args = rng.happens(500).then(|| rng.number(0..1_000_000));
    let refresh = rng.happens(750);
    let asked = Asked { kind, args, queue_s, refresh };
    match kind {
        AskedKind::Models if rng.happens(600) => (Route::Models, Asked { refresh, ..Asked::MODELS }),
        // The daemon ignores args of this kind.
        AskedKind::Models => (Route::Generic, Asked { args: None, ..asked }),
        AskedKind::Question => (Route::Generic, asked),
    }
}

pub(crate) async fn make_request<S: SharedStore>(
    context: &Arc<Context<S>>,
    caller: Caller,
    runtime: RuntimeId,
    route: Route,
    asked: Asked,
) -> Option<Named> {
    let response = context.call(caller, TIMEOUT, Operation::Ask { runtime, route, asked }).await?;
    let request = (response.status == 200).then(|| response.body["id"].as_str().unwrap().parse().unwrap());
    request.map(|request| Named { route, runtime, request })
}

/// Rings for models again and again, so that the catalog answers. In an outage until after the runtimes are offline, while some snapshots
/// are too young to be refreshed; after it the snapshots are an hour old.
pub(crate) async fn run_picker<S: SharedStore>(context: Arc<Context<S>>, runtimes: Vec<RuntimeId>) {
    let environment = &context.environment;
    let rng = &environment.rng;
    let length = environment.plan.initiates_end();
    let outage = environment.plan.outage.iter();
    let outage = outage
        .flat_map(|outage| [outage.start + 40_000..outage.start + 62_000, outage.end..outage.end + length]);
    for times in std::iter::once(0..length).chain(outage) {
        environment.sleep_until(times.start).await;
        let longest = (times.end - times.start) / 6;
        loop {
            environment.sleep(500..longest).await;
            if environment.clock.elapsed_ms() > times.end {
                break;
            }
            let route = rng.one_of(&[Route::Models, Route::Generic]);
            let asked = Asked { refresh: false, ..Asked::MODELS };
            let runtime = rng.one_of(&runtimes);
            let caller = Caller::own("picker");
            let Some(named) = make_request(&context, caller, runtime, route, asked).await else { continue };
            if rng.happens(500) {
                poll_until_done(&context, caller, Operation::Poll(named)).await;
            } else if rng.happens(100) {
                context
                    .call(caller, TIMEOUT, Operation::Cancel(Named { route: Route::Generic, ..named }))
                    .await;
            }
        }
    }
}

/// Asks machines that are off, at any time of the outage.
pub(crate) async fn run_visitor<S: SharedStore>(context: Arc<Context<S>>, runtimes: Vec<RuntimeId>) {
    let environment = &context.environment;
    let Some(outage) = environment.plan.outage.clone() else { return };
    environment.sleep_until(outage.start).await;
    for _ in 0..environment.rng.number(1..5) {
        environment.sleep(1_000..1_100_000).await;
        let kind = environment.rng.one_of(&[AskedKind::Models, AskedKind::Question]);
        let queue_s = environment.rng.one_of(&[0, 40, 1_800, 7_200, 7_200]);
        let asked = Asked { kind, args: None, queue_s, refresh: environment.rng.happens(500) };
        let runtime = environment.rng.one_of(&runtimes);
        make_request(&context, Caller::own("visitor"), runtime, Route::Generic, asked).await;
    }
}

/// Asks until the queue is full: a burst, and then at the rate of one runtime.
pub(crate) async fn run_flood<S: SharedStore>(context: Arc<Context<S>>, runtime: RuntimeId) {
    let environment = &context.environment;
    environment.sleep(2_000..20_000).await;
    for args in 0..FLOOD {
        let asked = Asked { kind: AskedKind::Models, args: Some(args), queue_s: 40, refresh: true };
        make_request(&context, Caller::own("flood"), runtime, Route::Generic, asked).await;
        if args >= 30 {
            tokio::time::sleep(Duration::from_secs(1)).await;
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
    let caller = Caller::of_other_workspace("attacker");
    loop {
        context.environment.sleep(500..25_000).await;
        context.environment.sleep_through_outage().await;
        let operation = attack(&context, runtimes[0]);
        context.call(caller, TIMEOUT, operation).await;
    }
}

/// The same with the token of another daemon of the workspace. Such a token reads no list.
pub(crate) async fn run_neighbour<S: SharedStore>(context: Arc<Context<S>>, machines: Vec<&'static str>) {
    let caller = Caller::bound("neighbour", "neighbour");
    loop {
        context.environment.sleep(500..15_000).await;
        context.environment.sleep_through_outage().await;
        let machine = context.environment.rng.one_of(&machines);
        let operation = match attack(&context, runtime(machine)) {
            Operation::List { .. } => Operation::Register { machine, declares: false, push: false },
            operation => operation,
        };
        context.call(caller, TIMEOUT, operation).await;
    }
}

fn attack<S>(context: &Context<S>, any: RuntimeId) -> Operation {
    let rng = &context.environment.rng;
    let requests = context.environment.history().requests();
    let (runtime, request) = if requests.is_empty() { (any, RequestId::MIN) } else { rng.one_of(&requests) };
    let route = rng.one_of(&[Route::Models, Route::Generic]);
    let named = Named { route, runtime, request };
    let kind = rng.one_of(&[AskedKind::Models, AskedKind::Question]);
    match rng.number(0..8) {
        0 => {
            let refresh = rng.happens(500);
            let asked = if route == Route::Models {
                Asked { refresh, ..Asked::MODELS }
            } else {
                Asked { kind, args: None, queue_s: rng.one_of(&[0, 60]), refresh }
            };
            Operation::Ask { runtime, route, asked }
        }
        1 => Operation::Poll(named),
        2 => Operation::List { workspace: Workspace::Own },
        3 => Operation::Deregister { runtime },
        4 => {
            let whole = rng.happens(500);
            let in_flight = rng.one_of(&[None, Some(Vec::new())]);
            Operation::Heartbeat { runtime, whole, in_flight, connected: whole.then_some(true) }
        }
        5 => Operation::Cancel(Named { route: Route::Generic, ..named }),
        6 => Operation::Progress { named: Named { route: Route::Generic, ..named }, progress: 666 },
        _ => {
            let result =
                WorkResult { completed: true, catalog: CatalogEffect::Replaces, text: "attacker".to_owned() };
            Operation::Report { named, kind, result }
        }
    }
}

/// Polls every request until 404, so that each history reaches the end of retention.
pub(crate) async fn run_observer<S: SharedStore>(context: Arc<Context<S>>) {
    let gone = Arc::new(Mutex::new(BTreeSet::new()));
    loop {
        context.environment.sleep(2_000..40_000).await;
        context.environment.sleep_through_outage().await;
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

/// Polls without the network: lost responses would hide states. On the route of every kind.
pub(crate) async fn observe<S: SharedStore>(
    context: &Arc<Context<S>>,
    runtime: RuntimeId,
    request: RequestId,
) -> Option<u16> {
    let poll = Operation::Poll(Named { route: Route::Generic, runtime, request });
    let response = context.invoke(Caller::own("observer"), poll).await;
    response.map(|response| response.status)
}
