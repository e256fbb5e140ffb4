//! State shared by the actors, the network and the store of one simulation.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorbell_protocol::RuntimeId;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::http::HttpRequest;
use doorbell_shared::http::routes::Function;
use doorbell_shared::request::OpenRequest;
use doorbell_shared::store::{Store, TokenStore};

use crate::broker::Broker;
use crate::history::{FaultKind, History, Moment, PushRecord};
use crate::operation::{Identity, Operation};
use crate::plan::{Plan, Storage};
use crate::seeded::{SeededIds, SeededRng, SkewedClock};

/// The plan of a seed and the history of its run.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) plan: Plan,
    pub(crate) rng: Arc<SeededRng>,
    /// Tokio's paused time, which advances only while every task waits.
    pub(crate) clock: Stopwatch,
    history: Mutex<History>,
}

impl Environment {
    pub(crate) fn new(seed: u64) -> Self {
        let rng = Arc::new(SeededRng::new(seed));
        let plan = Plan::new(seed, &rng);
        Self::of_plan(plan, rng)
    }

    pub(crate) fn of_plan(plan: Plan, rng: Arc<SeededRng>) -> Self {
        Self { plan, rng, clock: Stopwatch::start(), history: Mutex::default() }
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn moment(&self) -> Moment {
        self.history().moment(self.clock.elapsed_ms())
    }

    pub(crate) fn record_fault(&self, fault: FaultKind) {
        let moment = self.moment();
        self.history().faults.push((moment, fault));
    }

    pub(crate) fn record_push(&self, record: PushRecord) {
        let moment = self.moment();
        self.history().pushes.push((moment, record));
    }

    /// Decides whether a fault of the push channel with this rate happens now, and records it.
    pub(crate) fn injects_push(&self, fault: FaultKind, per_mille: u64) -> bool {
        let now = self.clock.elapsed_ms();
        let allowed = self.plan.push.as_ref().is_some_and(|push| push.allows_faults_at(now));
        let injects = allowed && self.rng.happens(per_mille);
        if injects {
            self.record_fault(fault);
        }
        injects
    }

    /// Decides whether a fault with this rate happens now, and records it.
    pub(crate) fn injects(&self, fault: FaultKind, per_mille: u64) -> bool {
        let injects = self.plan.allows_faults_at(self.clock.elapsed_ms()) && self.rng.happens(per_mille);
        if injects {
            self.record_fault(fault);
        }
        injects
    }

    pub(crate) async fn sleep(&self, millis: Range<u64>) {
        tokio::time::sleep(Duration::from_millis(self.rng.number(millis))).await;
    }

    /// Sleeps until the outage ends, if there is one now.
    pub(crate) async fn sleep_through_outage(&self) {
        let now = self.clock.elapsed_ms();
        if let Some(outage) = self.plan.outage.as_ref().filter(|outage| outage.contains(&now)) {
            self.sleep_until(outage.end).await;
        }
    }

    pub(crate) async fn sleep_until(&self, millis: u64) {
        let left = millis.saturating_sub(self.clock.elapsed_ms());
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}

/// A store that the tasks of a simulation share.
pub(crate) trait SharedStore: Store + TokenStore + Clone + 'static {}
impl<S: Store + TokenStore + Clone + 'static> SharedStore for S {}

/// A deliberate bug of the store, the channel or the daemon, which the oracle must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A poll misses a new request, as an eventually consistent read does.
    StalePolls,
    /// A poll returns a timeout without storing it.
    TimeoutsNotStored,
    /// A heartbeat claims pending requests only.
    NoRedelivery,
    /// A cancellation is shown and not stored.
    CancellationsNotStored,
    /// A queued request waits no longer than others.
    QueueIgnored,
    /// Ids of ended requests stay in the open set.
    NothingRemoved,
    /// A ring sends its hint before it puts the request.
    HintBeforePut,
    /// A heartbeat of a connected daemon gets leases without `hello`.
    LeasesUnproven,
    /// A daemon with proven push does not repeat a failed heartbeat.
    HeartbeatNotRepeated,
    /// A report is acknowledged although the write of its snapshot has failed.
    FailedSnapshotAcknowledged,
    /// The catalog answers rings of offline runtimes.
    OfflineServed,
    /// A ring finds the snapshot of another runtime.
    AnySnapshotServed,
    /// A bound token acts for every daemon.
    BindingIgnored,
    /// A second redemption keeps the token of the first one.
    TokenKept,
}

pub(crate) type Event = Arc<(Function, HttpRequest)>;

#[derive(Debug)]
pub(crate) struct Context<S> {
    pub(crate) environment: Arc<Environment>,
    pub(crate) store: S,
    pub(crate) bug: Option<Bug>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) broker: Option<Arc<Broker>>,
    /// The store in memory derives open sets from requests. These are ids that a table has besides: orphans, and those of ended
    /// requests whose removal was lost.
    pub(crate) stray: Mutex<BTreeSet<(RuntimeId, OpenRequest)>>,
    /// A cache: polls repeat an event many times, and building it takes longer than handling it.
    events: Mutex<HashMap<(Identity, Operation), Event>>,
}

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) clock: Arc<SkewedClock>,
    pub(crate) ids: Arc<SeededIds>,
}

impl<S> Context<S> {
    pub(crate) fn new(
        environment: Arc<Environment>,
        store: S,
        bug: Option<Bug>,
        broker: Option<Arc<Broker>>,
    ) -> Self {
        let instance = |skew: &i64| Instance {
            clock: Arc::new(SkewedClock { clock: environment.clock, skew: *skew }),
            ids: Arc::new(SeededIds::new(Arc::clone(&environment.rng))),
        };
        let instances = environment.plan.skews.iter().map(instance).collect();
        let stray = Mutex::default();
        Self { environment, store, bug, instances, broker, stray, events: Mutex::default() }
    }

    /// Leaves an id in the open set with the rate of the store's faults. The embedded engine has such faults between its writes.
    pub(crate) fn leaves_stray(&self, fault: FaultKind, runtime: RuntimeId, entry: OpenRequest) -> bool {
        let Plan { storage, rates, .. } = &self.environment.plan;
        let leaves = *storage == Storage::Memory && self.environment.injects(fault, rates.store);
        if leaves {
            self.stray().insert((runtime, entry));
        }
        leaves
    }

    pub(crate) fn stray(&self) -> MutexGuard<'_, BTreeSet<(RuntimeId, OpenRequest)>> {
        self.stray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open set of `runtime` as a table has it.
    pub(crate) fn add_stray(&self, runtime: RuntimeId, open: &mut Vec<OpenRequest>) {
        open.extend(self.stray().iter().filter(|(of, _)| *of == runtime).map(|(_, entry)| *entry));
        open.sort_unstable();
        open.dedup();
    }

    pub(crate) fn event(&self, identity: Identity, operation: &Operation) -> Event {
        let is_bound = self.bug != Some(Bug::BindingIgnored);
        let identity = Identity { daemon: identity.daemon.filter(|_| is_bound), ..identity };
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let event = events.entry((identity, operation.clone()));
        Arc::clone(event.or_insert_with(|| Arc::new(operation.event(identity))))
    }
}
