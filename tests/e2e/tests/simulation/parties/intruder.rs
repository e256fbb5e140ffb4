//! Somebody with good tokens of another workspace, who knows every id and tries whatever can be tried.

use std::sync::Arc;

use doorbell_protocol::{RequestId, RuntimeId};
use doorbell_shared::store::Store;

use super::auditor::made;
use crate::asked::{Asked, Said, Workspace};
use crate::network::Caller;
use crate::world::World;

pub(crate) async fn run<S: Store + Clone + 'static>(world: Arc<World<S>>, runtimes: Vec<RuntimeId>) {
    let caller = Caller { name: "intruder", workspace: Workspace::Foreign };
    loop {
        world.sleep(500..25_000).await;
        let asked = attempt(&world, &runtimes);
        world.call(caller, asked).await;
    }
}

fn attempt<S>(world: &World<S>, runtimes: &[RuntimeId]) -> Asked {
    let chance = &world.chance;
    let made = made(world);
    let none = (runtimes[0], RequestId::MIN);
    let (runtime, request) = if made.is_empty() { none } else { chance.one_of(&made) };
    match chance.number(0..6) {
        0 => Asked::Ring { runtime },
        1 => Asked::Poll { runtime, request },
        2 => Asked::List { workspace: Workspace::Home },
        3 => Asked::Deregister { runtime },
        4 => Asked::HeartbeatOutcome { runtime, in_flight: chance.one_of(&[None, Some(())]).map(|()| Vec::new()) },
        _ => Asked::Report { runtime, request, said: Said::Models("intruder".to_owned()) },
    }
}
