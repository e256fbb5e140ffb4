//! Which actions a state enables. `CatalogProtocol::apply` drops those that are impossible.

use crate::catalog::design::CatalogMutation;
use crate::catalog::protocol::CatalogProtocol;
use crate::catalog::state::{CatalogAction, CatalogFault, CatalogState, Item, Sent};

const FAULTS: [Option<CatalogFault>; 4] =
    [None, Some(CatalogFault::ResponseLost), Some(CatalogFault::WriteFailed), Some(CatalogFault::WriteLate)];

const ITEMS: [Item; 3] = [Item::Runtime, Item::Snapshot { stale: false }, Item::Snapshot { stale: true }];

pub fn enabled(protocol: &CatalogProtocol, state: &CatalogState, actions: &mut Vec<CatalogAction>) {
    actions.push(CatalogAction::AdvanceTime);
    let items =
        if protocol.has(CatalogMutation::EventuallyConsistentRead) { &ITEMS[..] } else { &ITEMS[..2] };
    let runtimes = protocol.scope.reports.iter().map(|planned| planned.runtime).max().unwrap_or(0);
    if state.ring.is_some() {
        actions.extend(items.iter().map(|&other| CatalogAction::Answer { other }));
    } else {
        let rings = (0..=runtimes)
            .flat_map(|runtime| items.iter().map(move |&first| CatalogAction::Ring { runtime, first }));
        actions.extend(rings);
    }
    runtime_actions(state, 0, actions);
    let unsent = (0..protocol.scope.reports.len()).filter(|report| state.sent[*report] == Sent::No);
    actions.extend(unsent.map(|report| CatalogAction::Report { report }));
    let faults = if state.faults > 0 { &FAULTS[..] } else { &FAULTS[..1] };
    for call in 0..state.calls.len() {
        actions.extend(faults.iter().map(|&fault| CatalogAction::Proceed { call, fault }));
        if state.faults > 0 {
            actions.extend([CatalogAction::CrashInstance { call }, CatalogAction::GiveUp { call }]);
        }
    }
}

/// Only the first runtime has a life of its own, and is removed at most once. The other has a catalog that must not answer its rings.
fn runtime_actions(state: &CatalogState, runtime: usize, actions: &mut Vec<CatalogAction>) {
    if state.runtimes[runtime].registered_at.is_none() {
        actions.push(CatalogAction::Register { runtime });
        return;
    }
    actions.push(CatalogAction::Heartbeat { runtime });
    actions.push(CatalogAction::Deregister { runtime });
    if state.removed_at[runtime].is_none() {
        actions.push(CatalogAction::Remove { runtime });
    }
}
