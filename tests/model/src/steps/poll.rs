//! Poll: read, and write a lapse down before it is shown.

use super::{After, Scene};
use crate::action::Fate;
use crate::call::Call;
use crate::design::Mutation;
use crate::party::Question;
use crate::store::Write;

/// A client asks how far it is. What has not lapsed is shown at once.
pub(crate) fn begin(scene: &mut Scene<'_>, question: Question, late_read: bool) -> Option<Call> {
    let now = scene.now;
    let store = &scene.world.store;
    let read = if late_read { store.get_eventually(question) } else { store.get(question) };
    let read = read.filter(|request| request.is_readable(now)).cloned();
    let timed_out = read.as_ref().and_then(|request| request.timed_out_if_lapsed(now));
    match (read, timed_out) {
        (Some(read), Some(_)) if !scene.design.has(Mutation::PollWithoutWritingTimeOuts) => {
            Some(Call::Poll { question, read, now })
        }
        (read, timed_out) => {
            let stored = store.get(question).cloned();
            scene.world.history.shown(question, timed_out.or(read).as_ref(), stored.as_ref(), now);
            None
        }
    }
}

pub(super) fn proceed(scene: &mut Scene<'_>, call: Call, fate: Fate) -> Option<After> {
    let Call::Poll { question, ref read, now } = call else { return None };
    let write = scene.world.store.time_out(question, read, now, scene.design);
    match (fate, write) {
        (Fate::WriteUnanswered, Write::Applied) => return Some(After::UnderWay(call)),
        (Fate::WriteUnanswered, Write::Refused) | (Fate::AnswerLost | Fate::Twice, _) => return None,
        // Needs no mark: the answer is whatever is stored.
        (Fate::Well, _) => {
            let stored = scene.world.store.get(question);
            scene.world.history.shown(question, stored, stored, now);
        }
    }
    Some(After::Over)
}
