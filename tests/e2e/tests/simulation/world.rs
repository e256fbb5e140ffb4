//! Everything that one seed stands on, shared by all who take part.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorbell_shared::request::LeaseToken;
use doorbell_protocol::RequestId;
use doorbell_shared::id_gen::IdGenerator;
use doorbell_protocol::Timestamp;
use uuid::Uuid;

use crate::asked::{Asked, Workspace};
use crate::chance::Chance;
use crate::faults::Fault;
use crate::history::{History, Moment};
use crate::plan::Plan;
use doorbell_protocol::time::{SkewedClock, TrueTime};

#[derive(Debug)]
pub(crate) struct World<S> {
    pub(crate) plan: Plan,
    pub(crate) chance: Arc<Chance>,
    pub(crate) time: TrueTime,
    pub(crate) store: S,
    pub(crate) instances: Vec<Instance>,
    history: Mutex<History>,
    /// Events that were sent before: clients ask the same again and again, and making an event takes longer than answering
    /// it.
    events: Mutex<HashMap<(Workspace, Asked), Arc<doorbell_shared::http::HttpRequest>>>,
}

/// What a function instance has of its own.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) clock: Arc<SkewedClock>,
    pub(crate) ids: Arc<SeededIds>,
}

impl<S> World<S> {
    pub(crate) fn new(plan: Plan, chance: Arc<Chance>, time: TrueTime, store: S) -> Self {
        let instance = |skew: &i64| Instance {
            clock: Arc::new(SkewedClock { time, skew: *skew }),
            ids: Arc::new(SeededIds { chance: Arc::clone(&chance), last: Mutex::default() }),
        };
        let instances = plan.skews.iter().map(instance).collect();
        Self { plan, chance, time, store, instances, history: Mutex::default(), events: Mutex::default() }
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn moment(&self) -> Moment {
        self.history().moment(self.time.elapsed_ms())
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.history().fault(self.time.elapsed_ms(), fault);
    }

    /// Whether a fault happens now that is so frequent in times of turmoil; it is counted.
    pub(crate) fn befalls(&self, fault: Fault, per_mille: u64) -> bool {
        let befalls = self.plan.is_turmoil(self.time.elapsed_ms()) && self.chance.happens(per_mille);
        if befalls {
            self.fault(fault);
        }
        befalls
    }

    /// The event that API Gateway sends when somebody in `workspace` asks.
    pub(crate) fn event(&self, workspace: Workspace, asked: &Asked) -> Arc<doorbell_shared::http::HttpRequest> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let event = events.entry((workspace, asked.clone()));
        Arc::clone(event.or_insert_with(|| Arc::new(asked.event(workspace, self.time.now()))))
    }

    pub(crate) async fn sleep(&self, millis: std::ops::Range<u64>) {
        tokio::time::sleep(self.chance.millis(millis)).await;
    }

    /// Until that long after the start.
    pub(crate) async fn sleep_until(&self, millis: u64) {
        let left = millis.saturating_sub(self.time.elapsed_ms());
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}

/// Ids that follow from the seed. As the real ones, those of one instance ascend within a millisecond.
#[derive(Debug)]
pub(crate) struct SeededIds {
    chance: Arc<Chance>,
    last: Mutex<u128>,
}

/// The bits of a UUIDv7 below its time: version and variant have fixed places among them.
const RANDOM_BITS: u128 = (1 << 80) - 1;

impl IdGenerator for SeededIds {
    fn request_id(&self, now: Timestamp) -> RequestId {
        let millis = u128::try_from(now.millis()).unwrap();
        // Random below the time, so that two instances' ids of one millisecond come in any order.
        let random = (self.chance.bits() & RANDOM_BITS) >> 8;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = ((millis << 80) | random).max(*last + 1);
        RequestId::from_uuid(Uuid::from_u128(*last))
    }

    fn claim_id(&self) -> LeaseToken {
        LeaseToken::from_uuid(Uuid::from_u128(self.chance.bits()))
    }
}
