//! A runtime that beats is known and online: no crash, no late write and nobody of another workspace takes that from it.

use doorbell_protocol::RuntimeId;
use doorbell_test_support::Answer;

use super::{Fail, Invariant, runtime};
use crate::asked::{Asked, Workspace};
use crate::history::{Call, End, History};

/// In milliseconds: the 45 s of the contract, less two clocks' skew, a slow call, and a beat that was stored late and sets
/// the last sign of life back.
const SURELY_ONLINE: u64 = 25_000;

pub(super) fn check(history: &History, fail: Fail<'_>) {
    let home = || history.calls.iter().filter(|call| call.workspace == Workspace::Home);
    for call in home() {
        let (Some(of), Some(Answer { status, body })) = (runtime(call), call.answer()) else { continue };
        let seen = home().any(|sign| is_sign_of_life(sign, of) && precedes(sign, call));
        let denied = *status == 503 || body["error"] == "runtime not found";
        if seen && denied {
            fail(
                Invariant::WhatBeatsIsOnline,
                format!("{} asked {:?} and was told {body}", call.by, call.asked),
            );
        }
    }
}

fn is_sign_of_life(call: &Call, of: RuntimeId) -> bool {
    match &call.asked {
        Asked::HeartbeatOutcome { runtime, .. } => *runtime == of,
        _ => false,
    }
}

fn precedes(sign: &Call, call: &Call) -> bool {
    let End::Answered(ended, answer) = &sign.end else { return false };
    answer.status == 200 && *ended < call.began && call.began.millis - ended.millis < SURELY_ONLINE
}
