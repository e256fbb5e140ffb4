//! The use cases of the functions, cut into accesses to the store.
//!
//! Each file is one use case and says what its call does at each access. None of them knows what may go wrong at other
//! times; that is `protocol.rs`.

pub(crate) mod heartbeat;
pub(crate) mod initiate;
pub(crate) mod poll;
pub(crate) mod report;

use doorbell_shared::time::Timestamp;

use crate::action::Fate;
use crate::call::Call;
use crate::design::Design;
use crate::world::World;

/// What a step works with.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) design: Design,
    pub(crate) now: Timestamp,
}

/// What a step leaves of its call.
pub(crate) enum After {
    /// It has another step, or the same once more.
    UnderWay(Call),
    /// It has had its last.
    Over,
}

/// Lets a call that was taken out of the world take its next step; `None` when it can't go that way.
pub(crate) fn proceed(scene: &mut Scene<'_>, call: Call, fate: Fate) -> Option<After> {
    match call {
        Call::Initiate { .. } => initiate::proceed(scene, call, fate),
        Call::Poll { .. } => poll::proceed(scene, call, fate),
        Call::Heartbeat { .. } => heartbeat::proceed(scene, call, fate),
        Call::Report { .. } => report::proceed(scene, call, fate),
    }
}
