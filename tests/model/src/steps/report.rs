//! Report: one write, conditional on the request being open.

use super::{After, Scene};
use crate::action::Fate;
use crate::call::Call;
use crate::design::Mutation;
use crate::invariant::Invariant;
use crate::party::{Daemon, Question};
use crate::store::Write;

/// The answer of `daemon`, before its only access.
pub(crate) fn sent(daemon: Daemon, question: Question) -> Call {
    Call::Report { from: Some(daemon), question, author: daemon }
}

pub(super) fn proceed(scene: &mut Scene<'_>, call: Call, fate: Fate) -> Option<After> {
    let Call::Report { from, question, author } = call else { return None };
    let write = scene.world.store.report(question, &author.outcome(), scene.now, scene.design);
    match (fate, write, from) {
        (Fate::WriteUnanswered, Write::Applied, _) => return Some(After::UnderWay(call)),
        (Fate::Well | Fate::Twice, _, Some(daemon)) => scene.world.hold(daemon, question, false),
        (Fate::Well, _, None) | (Fate::AnswerLost, _, Some(_)) => {}
        _ => return None,
    }
    if fate == Fate::Twice {
        scene.world.calls.push(call.unheard());
    }
    acknowledge(scene, question, author, write);
    Some(After::Over)
}

/// The stored outcome is the report's own mark: this very report has been applied before.
fn acknowledge(scene: &mut Scene<'_>, question: Question, author: Daemon, write: Write) {
    let stored = scene.world.store.get(question).is_some_and(|request| author.has_answered(request));
    let recognised = stored && !scene.design.has(Mutation::ReportWithoutMark);
    let readable = scene.world.store.get(question).is_some_and(|request| request.is_readable(scene.now));
    match write {
        Write::Applied => scene.world.history.recorded(question, author),
        // There is no such request any more.
        Write::Refused if !readable => {}
        Write::Refused if recognised => scene.world.history.recorded(question, author),
        Write::Refused => scene.world.history.note(Invariant::StaleIsNotStored, stored),
    }
}
