//! The transition of each action.

use std::time::Duration;

use doorbell_protocol::{RuntimeId, Timestamp};
use doorbell_shared::presence::Presence;
use doorbell_shared::questions::Questions;
use doorbell_shared::request::Payload;
use doorbell_shared::runtime::{Runtime, ShortText};
use uuid::Uuid;

use crate::catalog::design::{CatalogInvariant, CatalogMutation, CatalogScope};
use crate::catalog::report::fail;
use crate::catalog::state::{CatalogAction, CatalogCall, CatalogState, RuntimeItem, Sent, Tick};

const TICK: Duration = Duration::from_secs(30);

/// The design as it is built, or with one mutation.
#[derive(Debug)]
pub struct CatalogProtocol {
    pub scope: CatalogScope,
    pub mutation: Option<(CatalogMutation, CatalogInvariant)>,
    start: Timestamp,
    /// What both runtimes have in common.
    pub runtime: Runtime,
    pub list: Payload,
}

impl CatalogProtocol {
    pub fn new(
        scope: CatalogScope,
        mutation: Option<(CatalogMutation, CatalogInvariant)>,
        start: Timestamp,
    ) -> Self {
        let text = |text| ShortText::cleaned(text).unwrap_or_else(|| unreachable!("it is not empty"));
        let list = Payload::try_from("[]".to_owned());
        let workspace = "00000000-0000-0000-0000-000000000002".parse();
        let runtime = Runtime {
            id: RuntimeId::from_uuid(Uuid::from_u128(1)),
            workspace: workspace.unwrap_or_else(|_| unreachable!("it is a UUID")),
            daemon_id: text("machine"),
            provider: text("codex"),
            profile_id: None,
            name: text("Codex"),
            device_name: None,
            version: None,
            cli_version: None,
            owner_id: None,
            registered_at: start,
            last_seen_at: start,
            presence: Presence::plain(start),
            questions: Questions::default(),
        };
        let list = list.unwrap_or_else(|_| unreachable!("two bytes fit"));
        Self { scope, mutation, start, runtime, list }
    }

    pub fn has(&self, mutation: CatalogMutation) -> bool {
        self.mutation.is_some_and(|(of, _)| of == mutation)
    }

    pub fn time(&self, tick: Tick) -> Timestamp {
        self.start + TICK * u32::from(tick)
    }

    /// The index of a runtime's snapshot.
    pub fn snapshot_of(&self, runtime: usize) -> usize {
        if self.has(CatalogMutation::KeyWithoutRuntime) { 0 } else { runtime }
    }

    /// Returns `None` when the action is impossible.
    pub fn apply(&self, state: &mut CatalogState, action: CatalogAction) -> Option<()> {
        match action {
            CatalogAction::AdvanceTime => self.advance_time(state)?,
            CatalogAction::Heartbeat { runtime } => self.see(state, runtime, Some(state.now)),
            CatalogAction::Register { runtime } => {
                state.runtimes[runtime].registered_at.get_or_insert(state.now);
                self.see(state, runtime, Some(state.now));
            }
            CatalogAction::Deregister { runtime } => self.see(state, runtime, None),
            CatalogAction::Remove { runtime } => {
                state.runtimes[runtime] = RuntimeItem { registered_at: None, seen_at: None };
                state.removed_at[runtime] = Some(state.now);
                self.advance_time(state)?;
            }
            CatalogAction::Report { report } => self.begin_report(state, report),
            CatalogAction::Proceed { call, fault } => self.proceed(state, call, fault)?,
            CatalogAction::CrashInstance { call } => {
                state.faults -= 1;
                let CatalogCall::Report { report, awaited, .. } = state.calls.remove(call) else {
                    return None;
                };
                fail(state, report, awaited);
            }
            CatalogAction::GiveUp { call } => {
                state.faults -= 1;
                let CatalogCall::Report { report, awaited: awaited @ true, .. } = &mut state.calls[call]
                else {
                    return None;
                };
                *awaited = false;
                state.sent[*report] = Sent::No;
            }
            CatalogAction::Ring { runtime, first } => {
                state.ring = Some(self.begin_ring(state, runtime, first));
            }
            CatalogAction::Answer { other } => self.answer_ring(state, other)?,
        }
        (state.calls.len() <= self.scope.calls).then_some(())
    }

    fn advance_time(&self, state: &mut CatalogState) -> Option<()> {
        state.now += 1;
        (state.now <= self.scope.until).then_some(())
    }

    /// A runtime that is not registered has no item to write.
    fn see(&self, state: &mut CatalogState, runtime: usize, seen_at: Option<Tick>) {
        let item = &mut state.runtimes[runtime];
        if item.registered_at.is_none() {
            return;
        }
        item.seen_at = seen_at;
        let ring = state.ring.as_mut().filter(|ring| ring.runtime == runtime);
        if let Some(ring) = ring {
            ring.was_online |= seen_at.is_some();
        }
    }
}
