//! Initiate: draw attention, then make the request.

use std::sync::LazyLock;

use doorbell_shared::id::{RequestId, RuntimeId, WorkspaceId};
use doorbell_shared::request::{Address, Kind, Request};
use doorbell_shared::time::Timestamp;
use uuid::Uuid;

use super::{After, Scene};
use crate::action::Fate;
use crate::call::Call;
use crate::design::Mutation;
use crate::history::Asked;
use crate::party::Question;
use crate::store::Write;

/// The one that is rung. Derived once: that costs more than many steps.
static RUNTIME: LazyLock<(WorkspaceId, RuntimeId)> = LazyLock::new(|| {
    let workspace = "00000000-0000-4000-8000-00000000000a".parse();
    let workspace = workspace.unwrap_or_else(|_| unreachable!("it is a constant"));
    (workspace, RuntimeId::derive(workspace, "laptop", "codex", ""))
});

/// A client asks. The first of the two writes is made at once.
pub(crate) fn begin(scene: &mut Scene<'_>, question: Question) -> Call {
    let now = scene.now;
    if scene.design.has(Mutation::HintAfterPut) {
        scene.world.store.put(question, request(question, now), scene.design);
    } else {
        scene.world.store.draw_attention(now, scene.design);
    }
    scene.world.history.asked(question, Asked::Waiting);
    Call::Initiate { question, now }
}

pub(super) fn proceed(scene: &mut Scene<'_>, call: Call, fate: Fate) -> Option<After> {
    let Call::Initiate { question, now } = call else { return None };
    let write = if scene.design.has(Mutation::HintAfterPut) {
        scene.world.store.draw_attention(now, scene.design);
        Write::Refused
    } else {
        scene.world.store.put(question, request(question, now), scene.design)
    };
    // A refusal is its own mark: nobody else makes this id.
    let asked = match (fate, write) {
        (Fate::WriteUnanswered, Write::Applied) => return Some(After::UnderWay(call)),
        (Fate::WriteUnanswered, Write::Refused) | (Fate::Twice, _) => return None,
        (Fate::AnswerLost, _) => Asked::GivenUp,
        (Fate::Well, _) => Asked::Accepted,
    };
    scene.world.history.asked(question, asked);
    Some(After::Over)
}

fn request(question: Question, now: Timestamp) -> Request {
    let (workspace, runtime) = *RUNTIME;
    let id = RequestId::from_uuid(Uuid::from_u128(question as u128));
    Request::new(Address { runtime, request: id, kind: Kind::ModelList }, workspace, now)
}
