//! The steps of initiate: add the id to the open set, then put the request. A full set is cleaned once.

use std::sync::LazyLock;

use doorbell_protocol::limits::{PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE};
use doorbell_protocol::{Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};
use doorbell_shared::request::{Address, Deadlines, Request, Ring};
use doorbell_shared::runtime::ShortText;
use uuid::Uuid;

use crate::actions::StepFault;
use crate::actors::RequestSet;
use crate::design::{Mutation, Scope};
use crate::handlers::Step;
use crate::state::InitiateStep;
use crate::store::{ConditionalWrite, Context};
use crate::trace::Initiation;

/// Parsed once: that costs more than many steps of the model.
static RUNTIME: LazyLock<(WorkspaceId, RuntimeId)> = LazyLock::new(|| {
    let workspace = "00000000-0000-4000-8000-00000000000a".parse();
    let workspace = workspace.unwrap_or_else(|_| unreachable!("it is a constant"));
    (workspace, RuntimeId::from_uuid(Uuid::from_u128(1)))
});

const DEADLINES: Deadlines =
    Deadlines { pending: PENDING_DEADLINE, running: RUNNING_DEADLINE, retention: RETENTION, queued: false };

/// A UUIDv7 has its time in the upper 48 bits.
fn request_id(index: usize, now: Timestamp) -> RequestId {
    let millis = u128::try_from(now.millis()).unwrap_or_else(|_| unreachable!("it is after 1970"));
    RequestId::from_uuid(Uuid::from_u128(millis << 80 | index as u128))
}

fn new_request(index: usize, scope: &Scope, now: Timestamp) -> Request {
    let (workspace, runtime) = *RUNTIME;
    let address = Address { runtime, request: request_id(index, now) };
    let deadlines = DEADLINES.with_queue(scope.queue);
    // The model has one daemon. An empty text allocates nothing.
    let daemon_id = ShortText::from_stored("");
    Request::new(Ring::new(address, Kind::MODEL_LIST, deadlines), workspace, daemon_id, now)
}

impl Context<'_> {
    /// The first step. Returns `None` if the ring is rejected: the client may try again with a new id.
    pub fn start_initiate(&mut self, request: usize) -> Option<InitiateStep> {
        if self.has(Mutation::IdAddedAfterPut) {
            self.put(request, new_request(request, self.scope, self.now));
            return Some(InitiateStep::Put);
        }
        match self.add_id(request, request_id(request, self.now)) {
            ConditionalWrite::Applied => Some(InitiateStep::Put),
            ConditionalWrite::ConditionFailed if self.has(Mutation::FullQueueNeverCleaned) => None,
            ConditionalWrite::ConditionFailed => {
                let ended = self.ended_ids();
                ended.contains(&true).then_some(InitiateStep::Clean { ended })
            }
        }
    }

    /// A later step of an initiate that started at `now`.
    pub fn proceed_initiate(
        &mut self,
        request: usize,
        step: InitiateStep,
        fault: Option<StepFault>,
    ) -> Option<Step<InitiateStep>> {
        match (step, fault) {
            (InitiateStep::Put, _) => self.put_step(request, fault),
            (_, Some(_)) => None,
            (InitiateStep::Clean { ended }, None) => {
                self.remove_ids(ended);
                Some(Step::InProgress(InitiateStep::AddAgain))
            }
            (InitiateStep::AddAgain, None) => {
                Some(match self.add_id(request, request_id(request, self.now)) {
                    ConditionalWrite::Applied => Step::InProgress(InitiateStep::Put),
                    ConditionalWrite::ConditionFailed => {
                        self.state.trace.requests[request].initiation = Initiation::NotStarted;
                        Step::Done
                    }
                })
            }
        }
    }

    fn put_step(&mut self, request: usize, fault: Option<StepFault>) -> Option<Step<InitiateStep>> {
        let write = if self.has(Mutation::IdAddedAfterPut) {
            self.add_id(request, request_id(request, self.now));
            ConditionalWrite::ConditionFailed
        } else {
            self.put(request, new_request(request, self.scope, self.now))
        };
        self.state.trace.requests[request].initiation = match (fault, write) {
            (Some(StepFault::WriteResponseLost), ConditionalWrite::Applied) => {
                return Some(Step::InProgress(InitiateStep::Put));
            }
            (Some(StepFault::ResponseLost), _) => Initiation::Abandoned,
            // The id is unique, so a failed condition means that an earlier try was applied.
            (None, _) => Initiation::Accepted,
            _ => return None,
        };
        Some(Step::Done)
    }

    /// Reads the requests of the open set.
    fn ended_ids(&self) -> RequestSet {
        let open = self.state.table.open;
        [0, 1].map(|index| open[index].is_some_and(|id| self.may_remove(index, id)))
    }
}
