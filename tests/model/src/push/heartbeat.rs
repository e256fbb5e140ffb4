//! The steps of a heartbeat.

use crate::push::actions::PushFault;
use crate::push::channel::Delivery;
use crate::push::design::PushMutation;
use crate::push::protocol::PushProtocol;
use crate::push::state::{HeartbeatStep, Message, Progress, PushState, Read};
use crate::push::times::{FALLBACK, PLAIN, REDELIVERY, Ticks};

/// What a heartbeat does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Step(HeartbeatStep),
    /// `interval` until the next heartbeat.
    Answer {
        interval: Ticks,
        claimed: bool,
    },
}

impl PushProtocol {
    /// The first write, and the claim.
    pub fn arrive(&self, state: &mut PushState, connected: bool) -> Next {
        state.runtime.seen = 0;
        let claimed = claim(state);
        let clear = claimed || state.ring.is_none();
        if !connected {
            state.write_presence(PLAIN, false);
            return Next::Answer { interval: FALLBACK, claimed };
        }
        let left = state.runtime.left;
        if state.runtime.lease && left > self.scope.kept() {
            let interval = self.interval(clear, left - self.scope.margin());
            return Next::Answer { interval, claimed };
        }
        Next::Step(HeartbeatStep::Hello(Read { fresh: true, claimed, clear }))
    }

    /// Returns `None` if the fault is impossible.
    pub fn proceed_heartbeat(
        &self,
        state: &mut PushState,
        connected: bool,
        step: HeartbeatStep,
        fault: Option<PushFault>,
    ) -> Option<Next> {
        let sends = matches!(step, HeartbeatStep::Hello(_));
        if fault.is_some() && !sends {
            return None;
        }
        Some(match step {
            HeartbeatStep::Arrive => self.arrive(state, connected),
            HeartbeatStep::Hello(read) => {
                let delivery = state.send(Message::Hello, fault)?;
                let proven = delivery == Delivery::Delivered || self.has(PushMutation::LeaseWithoutProof);
                Next::Step(match proven {
                    true if self.has(PushMutation::RecordAfterLease) => HeartbeatStep::Lease(read),
                    true => HeartbeatStep::Record(read),
                    false => HeartbeatStep::Plain(read),
                })
            }
            HeartbeatStep::Record(read) => {
                state.recorded = true;
                if self.has(PushMutation::RecordAfterLease) {
                    self.after_lease(state, read)
                } else {
                    Next::Step(HeartbeatStep::Lease(read))
                }
            }
            HeartbeatStep::Lease(read) => self.write_lease(state, read),
            HeartbeatStep::Plain(read) => {
                if read.fresh {
                    state.write_presence(PLAIN, false);
                }
                Next::Answer { interval: FALLBACK, claimed: read.claimed }
            }
        })
    }

    fn write_lease(&self, state: &mut PushState, read: Read) -> Next {
        if read.fresh {
            state.write_presence(self.scope.lease(), true);
        } else {
            return Next::Answer { interval: FALLBACK, claimed: read.claimed };
        }
        if self.has(PushMutation::RecordAfterLease) {
            return Next::Step(HeartbeatStep::Record(read));
        }
        self.after_lease(state, read)
    }

    fn after_lease(&self, state: &PushState, read: Read) -> Next {
        let clear = if self.has(PushMutation::AnswerJudgesFirstRead) {
            read.clear
        } else {
            read.claimed || state.ring.is_none()
        };
        Next::Answer { interval: self.interval(clear, self.scope.interval), claimed: read.claimed }
    }

    /// The next heartbeat may be far away only if the open set holds nothing that is not handed out.
    fn interval(&self, clear: bool, interval: Ticks) -> Ticks {
        if clear || self.has(PushMutation::AnswerIgnoresOpenSet) { interval } else { FALLBACK }
    }
}

fn claim(state: &mut PushState) -> bool {
    let Some(ring) = &mut state.ring else { return false };
    let claimable = match ring.request {
        Progress::Added => false,
        Progress::Pending => true,
        Progress::Running { leased } => leased >= REDELIVERY,
    };
    if claimable {
        ring.request = Progress::Running { leased: 0 };
    }
    claimable
}
