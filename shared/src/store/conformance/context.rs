//! The fixtures of a test: a workspace, a runtime, and two replicas of the store.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::access::Principal;
use crate::catalog::CatalogUpdate;
use crate::clock::{Clock, SystemClock};
use crate::id_gen::{IdGenerator, RandomIdGenerator};
use crate::kinds::model_list::MODEL_LIST;
use crate::presence::{HeartbeatChannel, Presence, PushLease};
use crate::push::ClientId;
use crate::questions::Questions;
use crate::request::{
    Address, ClaimFilter, Deadlines, KindFilter, LeaseToken, OpenRequest, Payload, Request, RequestOutcome,
    Ring,
};
use crate::runtime::{Registration, Runtime, RuntimeDescription, RuntimeIdNamespace, ShortText};
use crate::store::{
    CancelOutcome, ClaimOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome, PresenceOutcome,
    RecordedHeartbeat, RegisterOutcome, ReportOutcome, Store,
};
use doorbell_protocol::limits::RUNTIMES_PER_PAGE;
use doorbell_protocol::{Json, Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};
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

    /// The same with another runtime.
    #[must_use]
    pub fn with_runtime(self, runtime: RuntimeId) -> Self {
        Self { runtime, ..self }
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
            questions: Questions::default(),
        };
        Registration {
            workspace: self.workspace,
            daemon_id: text(DAEMON),
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
        Address { runtime: self.runtime, request: self.ids.request_id(now) }
    }

    /// A new ring of `model_list`.
    pub fn new_ring(&self, now: Timestamp) -> Ring {
        Ring::new(self.address(now), MODEL_LIST.kind, MODEL_LIST.deadlines)
    }

    /// A new ring that may wait for an hour.
    pub fn queued_ring(&self, now: Timestamp) -> Ring {
        Ring { deadlines: MODEL_LIST.deadlines.with_queue(QUEUE), ..self.new_ring(now) }
    }

    /// A new ring of a question with args.
    pub fn question_ring(&self, args: &str, now: Timestamp) -> Ring {
        let deadlines = Deadlines::of_seconds(30, 5, 3_600);
        Ring { args: Some(json(args)), ..Ring::new(self.address(now), kind("disk_usage"), deadlines) }
    }

    /// Initiates `ring` on replica A.
    pub async fn initiate(&self, ring: &Ring, now: Timestamp) -> InitiateOutcome {
        self.replica_a.initiate(ring, &self.caller, now).await.unwrap()
    }

    /// Initiates `ring`, which must create a request.
    pub async fn enqueue(&self, ring: &Ring, now: Timestamp) -> Request {
        match self.initiate(ring, now).await {
            InitiateOutcome::Enqueued(request, _) => request,
            other => panic!("the runtime cannot be rung: {other:?}"),
        }
    }

    /// Rings the runtime, which must succeed.
    pub async fn ring(&self, now: Timestamp) -> Request {
        self.enqueue(&self.new_ring(now), now).await
    }

    /// Claims a pending request, which must succeed.
    pub async fn claim(&self, address: Address, now: Timestamp) -> Request {
        self.claim_as(ClaimFilter::Pending, address, now).await.expect("the request cannot be claimed")
    }

    /// Claims a request on replica A; `None` when the claim is lost.
    pub async fn claim_as(&self, filter: ClaimFilter, address: Address, now: Timestamp) -> Option<Request> {
        match self.try_claim(filter, address, now).await {
            ClaimOutcome::Won(request) => Some(request),
            _ => None,
        }
    }

    /// Claims a request on replica A with a new lease token.
    pub async fn try_claim(&self, filter: ClaimFilter, address: Address, now: Timestamp) -> ClaimOutcome {
        self.replica_a.claim(address, &self.caller, filter, self.lease_token(), now).await.unwrap()
    }

    /// Records a heartbeat on `replica`, which must succeed.
    pub async fn heartbeat(
        &self,
        replica: &S,
        channel: HeartbeatChannel,
        now: Timestamp,
    ) -> RecordedHeartbeat {
        match replica.record_heartbeat(self.runtime, &self.caller, channel, now).await.unwrap() {
            HeartbeatOutcome::Recorded(recorded) => recorded,
            other => panic!("not recorded: {other:?}"),
        }
    }

    /// The open set, as a plain heartbeat on `replica` returns it.
    pub async fn open(&self, replica: &S, now: Timestamp) -> Vec<OpenRequest> {
        self.heartbeat(replica, HeartbeatChannel::Plain, now).await.open
    }

    /// The client id of a daemon of the workspace.
    pub fn client(&self, daemon: &str) -> ClientId {
        ClientId::new(&"local".parse().unwrap(), self.workspace, &text(daemon))
    }

    /// Gives the runtime a push lease, as a heartbeat that proves the channel does.
    pub async fn lease(&self, now: Timestamp) -> PushLease {
        let seen = self.heartbeat(&self.replica_a, HeartbeatChannel::Connected, now).await.presence;
        self.lease_of(self.runtime, &self.client(DAEMON), seen.online_until, now).await
    }

    /// Gives `runtime` a push lease of `client`, in place of the presence with the end `seen`.
    pub async fn lease_of(
        &self,
        runtime: RuntimeId,
        client: &ClientId,
        seen: Timestamp,
        now: Timestamp,
    ) -> PushLease {
        let until = now + PUSH_LEASE;
        self.replica_a.record_connection(client, &[runtime], until).await.unwrap();
        let leased = Presence { online_until: until, client: Some(client.clone()) };
        let replaced = self.replica_a.replace_presence(runtime, seen, &leased, now).await.unwrap();
        assert!(matches!(replaced, PresenceOutcome::Replaced(_)), "{replaced:?}");
        PushLease { client: client.clone(), until, last_seen_at: now }
    }

    /// Replaces the presence of the runtime on replica A.
    pub async fn replace_presence(
        &self,
        seen: Timestamp,
        presence: &Presence,
        now: Timestamp,
    ) -> PresenceOutcome {
        self.replica_a.replace_presence(self.runtime, seen, presence, now).await.unwrap()
    }

    /// The ids of the open set, as a heartbeat on replica B returns it.
    pub async fn open_ids(&self, now: Timestamp) -> Vec<RequestId> {
        self.open(&self.replica_b, now).await.into_iter().map(|entry| entry.request).collect()
    }

    /// All runtimes of the workspace on replica B, read in one page.
    pub async fn list_runtimes(&self, now: Timestamp) -> Vec<Runtime> {
        let page = self.replica_b.list_runtimes(self.workspace, None, RUNTIMES_PER_PAGE, now).await.unwrap();
        assert_eq!(page.next, None);
        page.runtimes
    }

    /// Reports on replica A.
    pub async fn report(&self, address: Address, outcome: &RequestOutcome, now: Timestamp) -> ReportOutcome {
        self.report_with(CatalogUpdate::Keep, address, outcome, now).await
    }

    /// Reports on replica A, with an update of the catalog.
    pub async fn report_with(
        &self,
        catalog: CatalogUpdate,
        address: Address,
        outcome: &RequestOutcome,
        now: Timestamp,
    ) -> ReportOutcome {
        let kinds = KindFilter::Any;
        self.replica_a.report(address, kinds, &self.caller, outcome, catalog, now).await.unwrap()
    }

    /// Cancels on replica A.
    pub async fn cancel(&self, address: Address, now: Timestamp) -> CancelOutcome {
        self.replica_a.cancel(address, KindFilter::Any, &self.caller, now).await.unwrap()
    }

    /// Polls `replica`.
    pub async fn poll(&self, replica: &S, address: Address, now: Timestamp) -> Option<Request> {
        match replica.poll(address, KindFilter::Any, &self.caller, now).await.unwrap() {
            PollOutcome::Found(request) | PollOutcome::TimedOut(request) => Some(request),
            PollOutcome::NotFound => None,
        }
    }
}

/// The push lease of a daemon that sends heartbeats every six hours: its interval and a quarter.
const PUSH_LEASE: Duration = Duration::from_secs(27_000);

/// The daemon of the registered runtimes.
pub(super) const DAEMON: &str = "daemon";

/// How long a queued ring waits.
pub(super) const QUEUE: Duration = Duration::from_secs(3_600);

/// The outcome of the report that ends `request`.
pub(super) fn recorded(request: &Request) -> ReportOutcome {
    ReportOutcome::Recorded { created_at: request.created_at }
}

pub(super) fn kind(name: &str) -> Kind {
    name.parse().unwrap()
}

pub(super) fn json(text: &str) -> Json {
    text.parse().unwrap()
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
