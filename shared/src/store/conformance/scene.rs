//! What a case starts from: a workspace, a runtime in it, and two replicas.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a case fails by panicking")]

use std::time::Duration;

use crate::access::Workspaces;
use crate::clock::{Clock, SystemClock};
use crate::id_gen::{IdGenerator, RandomIdGenerator};
use crate::request::LeaseToken;
use crate::request::{Address, ClaimFilter, Delivery, Payload, Request, RequestOutcome, State};
use crate::runtime::{Registration, ShortText};
use crate::store::{Candidate, ClaimOutcome, InitiateOutcome, PollOutcome, ReportOutcome, Store};
use doorbell_protocol::Timestamp;
use doorbell_protocol::{InFlight, Kind};
use doorbell_protocol::{RequestId, RuntimeId, WorkspaceId};

/// Two handles on one store that share nothing else.
#[derive(Clone, Debug)]
pub struct Replicas<S> {
    /// One node.
    pub here: S,
    /// Another.
    pub there: S,
}

/// A workspace and an online runtime that no other case knows of.
#[derive(Debug)]
pub struct Scene<S> {
    /// One node.
    pub here: S,
    /// Another.
    pub there: S,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// A caller who is in it, and in no other.
    pub allowed: Workspaces,
    /// A runtime registered in it at [`start`](Self::start).
    pub runtime: RuntimeId,
    /// When the case starts.
    pub start: Timestamp,
    ids: RandomIdGenerator,
}

impl<S: Store> Scene<S> {
    /// A scene of its own on `replicas`.
    pub async fn new(replicas: Replicas<S>) -> Self {
        let ids = RandomIdGenerator::default();
        let workspace = fresh_workspace(&ids);
        let scene = Self {
            here: replicas.here,
            there: replicas.there,
            workspace,
            allowed: Workspaces::from_iter([workspace]),
            runtime: RuntimeId::derive(workspace, "daemon", "codex", ""),
            start: SystemClock.now(),
            ids,
        };
        scene.here.register(scene.registration("codex"), scene.start).await.unwrap();
        scene
    }

    /// So many seconds after the start.
    pub fn at(&self, seconds: u64) -> Timestamp {
        self.start + Duration::from_secs(seconds)
    }

    /// A registration of a runtime of that type.
    pub fn registration(&self, provider: &str) -> Registration {
        let text = |text: &str| ShortText::try_from(text.to_owned()).unwrap();
        Registration {
            id: RuntimeId::derive(self.workspace, "daemon", provider, ""),
            workspace: self.workspace,
            daemon_id: text("daemon"),
            provider: text(provider),
            name: text("Agent"),
            online: true,
        }
    }

    /// A caller who is in a workspace of their own only.
    pub fn stranger(&self) -> Workspaces {
        Workspaces::from_iter([fresh_workspace(&self.ids)])
    }

    /// A claim that nobody else makes.
    pub fn claim_id(&self) -> LeaseToken {
        self.ids.lease_token()
    }

    /// An address in the scene's runtime that nothing has been stored at.
    pub fn address(&self, now: Timestamp) -> Address {
        Address { runtime: self.runtime, request: self.ids.request_id(now), kind: Kind::ModelList }
    }

    /// Rings the runtime, which must be online.
    pub async fn ring(&self, now: Timestamp) -> Request {
        match self.here.initiate(self.address(now), &self.allowed, now).await.unwrap() {
            InitiateOutcome::Enqueued(request) => request,
            other => panic!("the runtime cannot be rung: {other:?}"),
        }
    }

    /// Claims a request that must be there to be claimed.
    pub async fn claim(&self, address: Address, now: Timestamp) -> Request {
        self.claim_as(Delivery::First, address, now).await.expect("the request cannot be claimed")
    }

    /// The request claimed that way, if it can be.
    pub async fn claim_as(&self, delivery: Delivery, address: Address, now: Timestamp) -> Option<Request> {
        match self.here.claim(address, delivery, self.claim_id(), now).await.unwrap() {
            ClaimOutcome::Won(request) => Some(request),
            ClaimOutcome::Lost => None,
        }
    }

    /// What a heartbeat on `replica` finds that is pending.
    pub async fn look(&self, replica: &S, now: Timestamp) -> Vec<RequestId> {
        ids(replica.list_claimable(self.runtime, &ClaimFilter::Pending, now).await.unwrap())
    }

    /// What a heartbeat on `replica` finds whose daemon lists these.
    pub async fn look_without(&self, in_flight: &[Address], replica: &S, now: Timestamp) -> Vec<Candidate> {
        replica.list_claimable(self.runtime, &listing(in_flight), now).await.unwrap()
    }

    /// Reports, as a caller of the workspace.
    pub async fn report(&self, address: Address, outcome: &RequestOutcome, now: Timestamp) -> ReportOutcome {
        self.here.report(address, &self.allowed, outcome, now).await.unwrap()
    }

    /// What a poll on `replica` finds.
    pub async fn poll(&self, replica: &S, address: Address, now: Timestamp) -> Option<Request> {
        match replica.poll(address, &self.allowed, now).await.unwrap() {
            PollOutcome::Found(request) | PollOutcome::TimedOut(request) => Some(request),
            PollOutcome::NotFound => None,
        }
    }
}

/// The answer to the report that ends `asked`.
pub(super) fn recorded(asked: &Request) -> ReportOutcome {
    ReportOutcome::Recorded { created_at: asked.created_at }
}

/// What a heartbeat looks for whose daemon lists these.
pub(super) fn listing(in_flight: &[Address]) -> ClaimFilter {
    let listed: Vec<RequestId> = in_flight.iter().map(|address| address.request).collect();
    ClaimFilter::PendingOrLost(InFlight::try_from(listed).unwrap())
}

/// Which requests those are.
pub(super) fn ids(candidates: Vec<Candidate>) -> Vec<RequestId> {
    candidates.into_iter().map(|candidate| candidate.request).collect()
}

/// The delivery that replaces the claim by which `request` runs.
pub(super) fn again(request: &Request) -> Delivery {
    match request.state {
        State::Running(lease) => Delivery::Redelivery { lease: lease.token },
        ref other => panic!("the request is not running: {other:?}"),
    }
}

/// A completed outcome with that JSON.
pub(super) fn answer(json: &str) -> RequestOutcome {
    RequestOutcome::Completed(Payload::try_from(json.to_owned()).unwrap())
}

/// The shortest time there is.
pub(super) const TICK: Duration = Duration::from_millis(1);

fn fresh_workspace(ids: &RandomIdGenerator) -> WorkspaceId {
    uuid::Uuid::parse_str(&ids.lease_token().to_string()).unwrap().hyphenated().to_string().parse().unwrap()
}
