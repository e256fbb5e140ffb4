//! The fixtures of a test: a workspace, a runtime, and two replicas of the store.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::access::Principal;
use crate::clock::{Clock, SystemClock};
use crate::id_gen::{IdGenerator, RandomIdGenerator};
use crate::request::LeaseToken;
use crate::request::{Address, ClaimFilter, Delivery, Payload, Request, RequestOutcome, State};
use crate::runtime::{Registration, Runtime, RuntimeDescription, RuntimeIdNamespace, ShortText};
use crate::store::{
    Candidate, ClaimOutcome, InitiateOutcome, PollOutcome, RegisterOutcome, ReportOutcome, Store,
};
use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::RUNTIMES_PER_PAGE;
use doorbell_protocol::{InFlight, Kind};
use doorbell_protocol::{RequestId, RuntimeId, WorkspaceId};
use uuid::Uuid;

/// Two handles on one store.
#[derive(Clone, Debug)]
pub struct Replicas<S> {
    /// The first replica.
    pub replica_a: S,
    /// The second replica.
    pub replica_b: S,
}

/// A workspace and an online runtime of one test.
#[derive(Debug)]
pub struct TestContext<S> {
    /// The first replica.
    pub replica_a: S,
    /// The second replica.
    pub replica_b: S,
    /// The workspace of the runtime.
    pub workspace: WorkspaceId,
    /// A caller in that workspace only.
    pub caller: Principal,
    /// A runtime registered in it at [`start`](Self::start).
    pub runtime: RuntimeId,
    /// The time of the registration.
    pub start: Timestamp,
    ids: RandomIdGenerator,
}

impl<S: Store> TestContext<S> {
    /// Registers a runtime in a new workspace.
    pub async fn new(replicas: Replicas<S>) -> Self {
        let ids = RandomIdGenerator::default();
        let workspace = fresh_workspace(&ids);
        let start = SystemClock.now();
        let mut test = Self {
            replica_a: replicas.replica_a,
            replica_b: replicas.replica_b,
            workspace,
            caller: Principal::of_workspaces([workspace]),
            runtime: RuntimeId::from_uuid(Uuid::nil()),
            start,
            ids,
        };
        test.runtime = test.register(&test.replica_a, test.registration("codex"), start).await.id;
        test
    }

    /// `seconds` after the start.
    pub fn at(&self, seconds: u64) -> Timestamp {
        self.start + Duration::from_secs(seconds)
    }

    /// A registration of a runtime of type `provider`.
    pub fn registration(&self, provider: &str) -> Registration {
        self.registration_of([provider])
    }

    /// A registration of a runtime of each type.
    pub fn registration_of<'p>(&self, providers: impl IntoIterator<Item = &'p str>) -> Registration {
        let description = |provider| RuntimeDescription {
            provider: text(provider),
            profile_id: None,
            name: text("Agent"),
            version: None,
            online: true,
        };
        Registration {
            workspace: self.workspace,
            daemon_id: text("daemon"),
            device_name: None,
            cli_version: None,
            owner_id: None,
            runtimes: providers.into_iter().map(description).collect(),
        }
    }

    /// Registers one runtime on `replica`, which must succeed.
    pub async fn register(&self, replica: &S, registration: Registration, now: Timestamp) -> Runtime {
        match replica.register(registration, self.namespace(), now).await.unwrap() {
            RegisterOutcome::Registered(mut runtimes) if runtimes.len() == 1 => runtimes.remove(0),
            other => panic!("not one runtime: {other:?}"),
        }
    }

    /// A new namespace, as every registration offers one.
    pub fn namespace(&self) -> RuntimeIdNamespace {
        self.ids.runtime_id_namespace()
    }

    /// A caller in another, new workspace.
    pub fn other_tenant(&self) -> Principal {
        Principal::of_workspaces([fresh_workspace(&self.ids)])
    }

    /// A new lease token.
    pub fn lease_token(&self) -> LeaseToken {
        self.ids.lease_token()
    }

    /// A new address in the runtime.
    pub fn address(&self, now: Timestamp) -> Address {
        Address { runtime: self.runtime, request: self.ids.request_id(now), kind: Kind::MODEL_LIST }
    }

    /// Rings the runtime, which must succeed.
    pub async fn ring(&self, now: Timestamp) -> Request {
        match self.replica_a.initiate(self.address(now), &self.caller, now).await.unwrap() {
            InitiateOutcome::Enqueued(request) => request,
            other => panic!("the runtime cannot be rung: {other:?}"),
        }
    }

    /// Claims a request, which must succeed.
    pub async fn claim(&self, address: Address, now: Timestamp) -> Request {
        self.claim_as(Delivery::First, address, now).await.expect("the request cannot be claimed")
    }

    /// Claims a request; `None` when the claim is lost.
    pub async fn claim_as(&self, delivery: Delivery, address: Address, now: Timestamp) -> Option<Request> {
        match self.replica_a.claim(address, &self.caller, delivery, self.lease_token(), now).await.unwrap() {
            ClaimOutcome::Won(request) => Some(request),
            ClaimOutcome::Lost => None,
        }
    }

    /// The pending requests on `replica`.
    pub async fn list_pending(&self, replica: &S, now: Timestamp) -> Vec<RequestId> {
        ids(replica.list_claimable(self.runtime, &ClaimFilter::Pending, now).await.unwrap())
    }

    /// The claimable requests on `replica` for a daemon with `in_flight`.
    pub async fn list_with_in_flight(
        &self,
        in_flight: &[Address],
        replica: &S,
        now: Timestamp,
    ) -> Vec<Candidate> {
        replica.list_claimable(self.runtime, &in_flight_filter(in_flight), now).await.unwrap()
    }

    /// All runtimes of the workspace on replica B, read in one page.
    pub async fn list_runtimes(&self, now: Timestamp) -> Vec<Runtime> {
        let page = self.replica_b.list_runtimes(self.workspace, None, RUNTIMES_PER_PAGE, now).await.unwrap();
        assert_eq!(page.next, None);
        page.runtimes
    }

    /// Reports on replica A.
    pub async fn report(&self, address: Address, outcome: &RequestOutcome, now: Timestamp) -> ReportOutcome {
        self.replica_a.report(address, &self.caller, outcome, now).await.unwrap()
    }

    /// Polls `replica`.
    pub async fn poll(&self, replica: &S, address: Address, now: Timestamp) -> Option<Request> {
        match replica.poll(address, &self.caller, now).await.unwrap() {
            PollOutcome::Found(request) | PollOutcome::TimedOut(request) => Some(request),
            PollOutcome::NotFound => None,
        }
    }
}

/// The outcome of the report that ends `request`.
pub(super) fn recorded(request: &Request) -> ReportOutcome {
    ReportOutcome::Recorded { created_at: request.created_at }
}

/// The filter of a daemon with `in_flight`.
pub(super) fn in_flight_filter(in_flight: &[Address]) -> ClaimFilter {
    let listed: Vec<RequestId> = in_flight.iter().map(|address| address.request).collect();
    ClaimFilter::PendingOrLost(InFlight::try_from(listed).unwrap())
}

pub(super) fn ids(candidates: Vec<Candidate>) -> Vec<RequestId> {
    candidates.into_iter().map(|candidate| candidate.request).collect()
}

/// The delivery that replaces the request's lease.
pub(super) fn redelivery(request: &Request) -> Delivery {
    match request.state {
        State::Running(lease) => Delivery::Redelivery { lease: lease.token },
        ref other => panic!("the request is not running: {other:?}"),
    }
}

/// A completed outcome with the result `json`.
pub(super) fn completed(json: &str) -> RequestOutcome {
    RequestOutcome::Completed(Payload::try_from(json.to_owned()).unwrap())
}

/// The resolution of all times.
pub(super) const TICK: Duration = Duration::from_millis(1);

pub(super) fn text(text: &str) -> ShortText {
    ShortText::try_from(text.to_owned()).unwrap()
}

fn fresh_workspace(ids: &RandomIdGenerator) -> WorkspaceId {
    Uuid::parse_str(&ids.lease_token().to_string()).unwrap().hyphenated().to_string().parse().unwrap()
}
