//! A person's client: rings, polls for thirty seconds, gives up at the first error. It may be closed at any moment.

use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::{RequestId, RuntimeId};
use doorbell_shared::store::Store;

use crate::asked::Asked;
use crate::faults::Fault;
use crate::network::Caller;
use crate::plan::RINGS_END;
use crate::world::World;

/// How long a client polls.
const PATIENCE: Duration = Duration::from_secs(30);

/// The states that a client waits for the end of.
const OPEN: [&str; 2] = ["pending", "running"];

/// Rings some of `runtimes` until the client is closed or has had enough.
pub(crate) async fn run<S: Store + Clone + 'static>(
    world: Arc<World<S>>,
    name: &'static str,
    runtimes: Vec<RuntimeId>,
) {
    let open_for = world.chance.one_of(&[5_000, 40_000, 200_000, 200_000, 200_000]);
    let open_for = Duration::from_millis(open_for);
    if tokio::time::timeout(open_for, ring_now_and_then(&world, Caller::at_home(name), &runtimes))
        .await
        .is_err()
    {
        world.fault(Fault::ClientCrashed);
    }
}

async fn ring_now_and_then<S: Store + Clone + 'static>(
    world: &Arc<World<S>>,
    caller: Caller,
    runtimes: &[RuntimeId],
) {
    for _ in 0..world.chance.number(1..4) {
        world.sleep(0..20_000).await;
        if world.time.elapsed_ms() > RINGS_END {
            return;
        }
        let runtime = world.chance.one_of(runtimes);
        let Some(answer) = world.call(caller, Asked::Ring { runtime }).await else { continue };
        if answer.status == 200 {
            let request = answer.body["id"].as_str().unwrap().parse().unwrap();
            poll_until_answered(world, caller, runtime, request).await;
        }
    }
}

async fn poll_until_answered<S: Store + Clone + 'static>(
    world: &Arc<World<S>>,
    caller: Caller,
    runtime: RuntimeId,
    request: RequestId,
) {
    let interval = world.plan.poll_interval;
    for _ in 0..PATIENCE.as_millis() / interval.as_millis() {
        tokio::time::sleep(interval).await;
        let answer = world.call(caller, Asked::Poll { runtime, request }).await;
        let open = answer.is_some_and(|answer| {
            answer.status == 200
                && answer.body["status"].as_str().is_some_and(|status| OPEN.contains(&status))
        });
        if !open {
            return;
        }
    }
}
