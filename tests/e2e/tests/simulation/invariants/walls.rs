//! 6. Walls: to another workspace, whatever is here looks like what does not exist.
//!
//! That an intruder changes nothing shows elsewhere: nothing that it does is part of any order of calls, and no runtime goes
//! offline by it.

use super::{Fail, Invariant};
use crate::asked::{Asked, Workspace};
use crate::history::{Call, History};

pub(super) fn check(history: &History, fail: Fail<'_>) {
    for call in history.calls.iter().filter(|call| call.workspace == Workspace::Foreign) {
        let Some(answer) = call.answer() else { continue };
        let text =
            answer.body["error"].as_str().or_else(|| answer.body["status"].as_str()).unwrap_or_default();
        // A store that fails, fails for everybody.
        if answer.status != 500 && !expected(call).contains(&(answer.status, text)) {
            fail(Invariant::Walls, format!("an intruder asked {:?} and was told {answer:?}", call.asked));
        }
    }
}

/// What the contract answers for what does not exist.
fn expected(call: &Call) -> &'static [(u16, &'static str)] {
    match call.asked {
        Asked::Ring { .. } => &[(404, "runtime not found")],
        Asked::Poll { .. } | Asked::Report { .. } => &[(404, "request not found")],
        Asked::List { .. } | Asked::Register { .. } => &[(404, "workspace not found")],
        Asked::Deregister { .. } => &[(200, "ok")],
        // The one place where the contract tells another's from nobody's.
        Asked::HeartbeatOutcome { .. } => &[(404, "not found"), (404, "runtime not found")],
    }
}
