//! 1. One winner: of any number of concurrent heartbeats, one is handed a given claim of a request.
//!
//! A request that is handed out again is claimed again: in place of a claim that only one other may replace, and for a daemon
//! that has said that it does not have it.

use std::collections::HashSet;

use doorbell_shared::request::Delivery;

use super::{Fail, Invariant, Story};
use crate::asked::Asked;
use crate::history::{Call, StepKind};

pub(super) fn check(story: &Story<'_>, fail: Fail<'_>) {
    let mut held = HashSet::new();
    for (step, call) in
        story.steps(StepKind::ClaimOutcome).filter(|(_, call)| call.handed_out() == Some(story.request))
    {
        let Some((delivery, _)) = step.hand_out else { continue };
        let (request, by, at) = (story.request, call.by, step.began.millis);
        if !held.insert(delivery) {
            fail(
                Invariant::OneWinner,
                format!("{request} was handed out twice as {delivery:?}, to {by} at {at}"),
            );
        }
        if delivery != Delivery::First && !says_that_it_does_not_have(call, story) {
            fail(
                Invariant::OneWinner,
                format!("{request} was handed again to {by} at {at}, which did not ask for it"),
            );
        }
    }
}

fn says_that_it_does_not_have(call: &Call, story: &Story<'_>) -> bool {
    match &call.asked {
        Asked::HeartbeatOutcome { in_flight: Some(in_flight), .. } => !in_flight.contains(&story.request),
        _ => false,
    }
}
