//! The steps of the function that handles lifecycle events.

use crate::push::actions::PushFault;
use crate::push::design::PushMutation;
use crate::push::protocol::PushProtocol;
use crate::push::state::{Event, PresenceStep, PushState, Session};
use crate::push::times::{CALL_ENDS, PRESENCE_WAITS};

impl PushProtocol {
    pub fn start_presence(&self, state: &mut PushState, doubled: bool) -> Option<PresenceStep> {
        if state.event == Event::None {
            return None;
        }
        state.event = if doubled { Event::Late } else { Event::None };
        (!self.has(PushMutation::NoPresence)).then(|| self.wait())
    }

    fn wait(&self) -> PresenceStep {
        let short = self.has(PushMutation::PresenceWaitsShort);
        PresenceStep::Wait { ticks: if short { CALL_ENDS } else { PRESENCE_WAITS } }
    }

    /// Returns `None` if the fault is impossible, and no step after the last one.
    pub fn proceed_presence(
        &self,
        state: &mut PushState,
        step: PresenceStep,
        fault: Option<PushFault>,
    ) -> Option<Option<PresenceStep>> {
        let reads_late = self.has(PushMutation::PresenceReadsAfterAsking);
        let next = match step {
            PresenceStep::Wait { ticks: 0 } if reads_late => PresenceStep::Ask { lease: true, fresh: true },
            PresenceStep::Wait { ticks: 0 } => PresenceStep::Read,
            PresenceStep::Wait { .. } => return None,
            PresenceStep::Read if fault.is_some() => return None,
            PresenceStep::Read if reads_late => PresenceStep::End { fresh: true },
            PresenceStep::Read => {
                let lease = state.recorded && state.runtime.lease;
                if !lease {
                    return Some(None);
                }
                PresenceStep::Ask { lease, fresh: true }
            }
            PresenceStep::Ask { fresh, .. } => {
                let fails = state.api_down || fault == Some(PushFault::ApiError);
                if fault.is_some() && (state.api_down || fault != Some(PushFault::ApiError)) {
                    return None;
                }
                // The event is handled again.
                if fails {
                    return Some(Some(self.wait()));
                }
                if state.session != Session::None {
                    return Some(None);
                }
                if reads_late { PresenceStep::Read } else { PresenceStep::End { fresh } }
            }
            PresenceStep::End { .. } if fault.is_some() => return None,
            PresenceStep::End { fresh } => {
                if state.recorded && (fresh || self.has(PushMutation::EventWithoutCondition)) {
                    state.end_lease();
                }
                return Some(None);
            }
        };
        Some(Some(next))
    }
}
