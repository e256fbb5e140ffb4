//! A store with a bug of the kind that this design exists to avoid: for showing that the simulation would find it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorbell_gateway::{WORKSPACE_A, WORKSPACE_B};
use doorbell_shared::access::Workspaces;
use doorbell_shared::request::LeaseToken;
use doorbell_protocol::{RequestId, RuntimeId, WorkspaceId};
use doorbell_shared::request::{Address, Delivery, ClaimFilter, RequestOutcome, Request, State};
use doorbell_protocol::InFlight;
use doorbell_shared::runtime::{Registration, Runtime};
use doorbell_shared::store::{
    HeartbeatOutcome, Candidate, ClaimOutcome, Deregister, DeregisterOutcome, Heartbeat, Initiate, InitiateOutcome, Poll, PollOutcome, Register,
    Report, ReportOutcome, Result, Runtimes, Store, TokenStore,
};
use doorbell_protocol::Timestamp;
use doorbell_shared::token::{TokenHash, TokenRecord};

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// A claim has no condition: everybody who found the request wins it.
    EveryClaimWins,
    /// A poll shows a lapse and does not write it down.
    LapsesAreNotStored,
    /// A poll does not ask whether the request has lapsed.
    NothingLapses,
    /// A report has no condition: the last one stands.
    ReportsOverwrite,
    /// A report is acknowledged and not stored.
    ReportsAreDropped,
    /// A poll may miss what was just made, as an eventually consistent read does.
    PollsAreStale,
    /// What was handed out is not handed out again, whatever its daemon says.
    NothingIsRedelivered,
    /// What runs is handed out again, whatever its daemon says.
    InFlightIsIgnored,
    /// The newest request is handed out first.
    NewestFirst,
    /// Reads do not ask whose a request is.
    NoWalls,
    /// The write of a lapse does not ask what the request has become since it was read.
    LapsesOverwrite,
}

/// A store with a bug, or none.
#[derive(Clone, Debug)]
pub(crate) struct Broken<S> {
    store: S,
    mutation: Option<Mutation>,
    /// What was written over what should have stood for ever.
    overwritten: Arc<Mutex<HashMap<RequestId, (State, Timestamp)>>>,
}

/// How long a stale read is behind.
const STALENESS: Duration = Duration::from_millis(600);

impl<S: Store> Broken<S> {
    pub(crate) fn new(store: S, mutation: Option<Mutation>) -> Self {
        Self { store, mutation, overwritten: Arc::default() }
    }

    fn has(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// The request as it stands, with nothing written.
    async fn read(&self, address: Address) -> Result<Option<Request>> {
        // As long as nobody's clock says that it has lapsed, a poll only reads.
        let before = Timestamp::from_millis(0).unwrap();
        match self.store.poll(address, &everybody(), before).await? {
            PollOutcome::Found(request) | PollOutcome::TimedOut(request) => Ok(Some(request)),
            PollOutcome::NotFound => Ok(None),
        }
    }

    fn overwrite(&self, address: Address, state: State, now: Timestamp) {
        let mut overwritten = self.overwritten.lock().unwrap_or_else(PoisonError::into_inner);
        overwritten.insert(address.request, (state, now));
    }

    fn as_overwritten(&self, mut request: Request) -> Request {
        let overwritten = self.overwritten.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((state, at)) = overwritten.get(&request.address.request) {
            (request.state, request.updated_at) = (state.clone(), *at);
        }
        request
    }
}

fn everybody() -> Workspaces {
    [WORKSPACE_A, WORKSPACE_B].map(|workspace| workspace.parse().unwrap()).into_iter().collect()
}

impl<S: Store> Initiate for Broken<S> {
    async fn initiate(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<InitiateOutcome> {
        self.store.initiate(address, allowed, now).await
    }
}

impl<S: Store> Poll for Broken<S> {
    async fn poll(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<PollOutcome> {
        let everybody = everybody();
        let allowed = if self.has(Mutation::NoWalls) { &everybody } else { allowed };
        if self.mutation.is_some_and(Mutation::is_of_polls)
            && let Some(request) = self.read(address).await?
            && allowed.contains(request.workspace)
            && request.is_readable(now)
        {
            return Ok(self.poll_wrongly(request, now).await);
        }
        Ok(match self.store.poll(address, allowed, now).await? {
            PollOutcome::Found(request) => PollOutcome::Found(self.as_overwritten(request)),
            PollOutcome::TimedOut(request) => PollOutcome::TimedOut(self.as_overwritten(request)),
            PollOutcome::NotFound => PollOutcome::NotFound,
        })
    }
}

impl<S: Store> Broken<S> {
    async fn poll_wrongly(&self, request: Request, now: Timestamp) -> PollOutcome {
        let timed_out = request.timed_out_if_expired(now);
        match (self.mutation, timed_out) {
            (Some(Mutation::PollsAreStale), _) if now.since(request.created_at) < STALENESS => {
                PollOutcome::NotFound
            }
            (Some(Mutation::LapsesAreNotStored), Some(timed_out)) => PollOutcome::Found(timed_out),
            (Some(Mutation::LapsesOverwrite), Some(timed_out)) => {
                // Long enough for others to come in between.
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.overwrite(request.address, timed_out.state.clone(), now);
                PollOutcome::Found(timed_out)
            }
            _ => PollOutcome::Found(self.as_overwritten(request)),
        }
    }
}

impl Mutation {
    /// Whether a poll reads first, and what comes of it is up to the bug.
    fn is_of_polls(self) -> bool {
        matches!(
            self,
            Self::LapsesAreNotStored | Self::LapsesOverwrite | Self::NothingLapses | Self::PollsAreStale
        )
    }
}

impl<S: Store> Heartbeat for Broken<S> {
    async fn beat(&self, runtime: RuntimeId, allowed: &Workspaces, now: Timestamp) -> Result<HeartbeatOutcome> {
        self.store.record_heartbeat(runtime, allowed, now).await
    }

    async fn look(&self, runtime: RuntimeId, looking: &ClaimFilter, now: Timestamp) -> Result<Vec<Candidate>> {
        let everything = ClaimFilter::PendingOrLost(InFlight::default());
        let looking = if self.has(Mutation::InFlightIsIgnored) { &everything } else { looking };
        let mut candidates = self.store.look(runtime, looking, now).await?;
        if self.has(Mutation::NothingIsRedelivered) {
            candidates.retain(|candidate| candidate.delivery == Delivery::First);
        }
        if self.has(Mutation::NewestFirst) {
            candidates.reverse();
        }
        Ok(candidates)
    }

    async fn claim(
        &self,
        address: Address,
        delivery: Delivery,
        claim: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        match self.store.claim(address, delivery, claim, now).await? {
            ClaimOutcome::Lost if self.has(Mutation::EveryClaimWins) => {
                Ok(self.read(address).await?.map_or(ClaimOutcome::Lost, ClaimOutcome::Won))
            }
            claim => Ok(claim),
        }
    }
}

impl<S: Store> Report for Broken<S> {
    async fn report(
        &self,
        address: Address,
        allowed: &Workspaces,
        outcome: &RequestOutcome,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        if self.has(Mutation::ReportsAreDropped) {
            return Ok(ReportOutcome::Recorded { created_at: now });
        }
        match self.store.report(address, allowed, outcome, now).await? {
            ReportOutcome::Stale if self.has(Mutation::ReportsOverwrite) => {
                self.overwrite(address, State::from(outcome.clone()), now);
                Ok(ReportOutcome::Recorded { created_at: now })
            }
            reported => Ok(reported),
        }
    }
}

impl<S: Store> Register for Broken<S> {
    async fn register(&self, registration: Registration, now: Timestamp) -> Result<Runtime> {
        self.store.register(registration, now).await
    }
}

impl<S: Store> Deregister for Broken<S> {
    async fn deregister(
        &self,
        runtime: RuntimeId,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> Result<DeregisterOutcome> {
        let everybody = everybody();
        let allowed = if self.has(Mutation::NoWalls) { &everybody } else { allowed };
        self.store.deregister(runtime, allowed, now).await
    }
}

impl<S: Store> Runtimes for Broken<S> {
    async fn runtimes(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<Runtime>> {
        self.store.runtimes(workspace, now).await
    }
}

impl<S: Store> TokenStore for Broken<S> {
    async fn token(&self, hash: TokenHash, now: Timestamp) -> Result<Option<TokenRecord>> {
        self.store.find_token(hash, now).await
    }
}
