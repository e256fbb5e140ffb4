//! Somebody at home who polls every request now and then, also those whose client is gone, until it is gone itself: so that
//! every history reaches to the end of retention.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use doorbell_protocol::{RequestId, RuntimeId};
use doorbell_shared::store::Store;

use crate::asked::Asked;
use crate::history::{StepKind, StepOutcome};
use crate::network::Caller;
use crate::world::World;

pub(crate) async fn run<S: Store + Clone + 'static>(world: Arc<World<S>>) {
    let gone = Arc::new(Mutex::new(BTreeSet::new()));
    loop {
        world.sleep(2_000..40_000).await;
        for (runtime, request) in made(&world) {
            if !gone.lock().unwrap().contains(&request) {
                tokio::spawn(look(Arc::clone(&world), runtime, request, Arc::clone(&gone)));
            }
        }
    }
}

/// Without the network: its losses teach nothing here.
async fn look<S: Store + Clone + 'static>(
    world: Arc<World<S>>,
    runtime: RuntimeId,
    request: RequestId,
    gone: Arc<Mutex<BTreeSet<RequestId>>>,
) {
    let answer = world.invoke(Caller::at_home("auditor"), Asked::Poll { runtime, request }).await;
    if answer.is_some_and(|answer| answer.status == 404) {
        gone.lock().unwrap().insert(request);
    }
}

/// Every request that may have been made, with its runtime.
pub(crate) fn made<S>(world: &World<S>) -> Vec<(RuntimeId, RequestId)> {
    let history = world.history();
    let initiated = history.steps.iter().filter(|step| step.kind == StepKind::Initiate);
    let made = initiated.filter(|step| step.outcome != StepOutcome::Refused);
    let of_runtime = made.filter_map(|step| match history.calls[step.call].asked {
        Asked::Ring { runtime } => Some((runtime, step.request)),
        _ => None,
    });
    of_runtime.collect()
}
