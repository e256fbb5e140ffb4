//! 2. Terminal is for ever: once a poll has shown a terminal status, every later poll shows the same record.
//! 3. Acknowledged is stored: what a report that was answered 200 has stored is what every later poll shows.
//! 4. Nothing is stuck: every request is terminal or gone 90 s after it was made.

use super::{Fail, Invariant, Story};
use crate::asked::{Asked, Said};
use crate::history::{End, StepKind, StepOutcome};
use doorbell_protocol::time::SKEW;

/// In milliseconds. The clocks of who makes a request and of who polls it may be apart by twice what one may be off.
const STUCK: u64 = 90_000 + 2 * SKEW.unsigned_abs();

pub(super) fn check(story: &Story<'_>, fail: Fail<'_>) {
    terminal_is_for_ever(story, fail);
    acknowledged_is_stored(story, fail);
    nothing_is_stuck(story, fail);
}

fn terminal_is_for_ever(story: &Story<'_>, fail: Fail<'_>) {
    let Some(first) = story.polls.iter().filter(|poll| poll.is_terminal()).min_by_key(|poll| poll.ended)
    else {
        return;
    };
    for later in story.polls.iter().filter(|poll| poll.began > first.ended && poll.record != first.record) {
        let (request, at) = (story.request, later.began.millis);
        fail(
            Invariant::TerminalIsForEver,
            format!("{request} was shown {} and at {at} {}", first.record, later.record),
        );
    }
}

fn acknowledged_is_stored(story: &Story<'_>, fail: Fail<'_>) {
    for (step, call) in story.steps(StepKind::Report) {
        let (End::Answered(acknowledged, answer), Asked::Report { said, .. }) = (&call.end, &call.asked)
        else {
            continue;
        };
        if answer.status != 200 || step.outcome != StepOutcome::Done {
            continue;
        }
        let (Said::Models(text) | Said::Failure(text)) = said;
        let later = story.polls.iter().filter(|poll| poll.began > *acknowledged);
        for poll in later.filter(|poll| !poll.record.to_string().contains(text)) {
            let (request, by, record) = (story.request, call.by, poll.record);
            fail(
                Invariant::AcknowledgedIsStored,
                format!("{request}: {by} reported {text:?}, shown is {record}"),
            );
        }
    }
}

fn nothing_is_stuck(story: &Story<'_>, fail: Fail<'_>) {
    let Some((made, _)) = story.steps(StepKind::Initiate).next() else { return };
    for poll in story.polls.iter().filter(|poll| !poll.is_terminal()) {
        let age = poll.began.millis - made.began.millis;
        if age > STUCK {
            fail(Invariant::NothingIsStuck, format!("{} is {} after {age} ms", story.request, poll.status));
        }
    }
}
