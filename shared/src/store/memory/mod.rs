//! The store in memory, under one lock. It applies the lifecycle directly and is the reference for other stores.
//!
//! For tests and `doorbell dev --store memory`. Keeps no [history](crate::request::RequestHistory) of a request: `doorbell why`
//! reads tables.

mod tokens;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorbell_protocol::limits::{RETENTION, RUNTIMES_PER_WORKSPACE};
use doorbell_protocol::{RequestId, RuntimeId, Timestamp, WorkspaceId};

use super::Store;
use super::outcome::{
    Candidate, ChargeOutcome, ClaimOutcome, DeregisterOutcome, ForgetOutcome, HeartbeatOutcome,
    InitiateOutcome, PollOutcome, RegisterOutcome, ReportOutcome, Result, RuntimePage,
};
use crate::access::Principal;
use crate::limits::WORK_HINT_LIFETIME;
use crate::rate_limit::{Charge, RUNTIME_RINGS, TokenAction};
use crate::request::{Address, ClaimFilter, Delivery, LeaseToken, Request, RequestOutcome, State};
use crate::runtime::{Registration, Runtime, RuntimeIdNamespace};
use crate::token::{TokenHash, TokenRecord};
use crate::token_id::TokenId;

/// Clones share their contents, as replicas share a table.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    namespaces: HashMap<WorkspaceId, RuntimeIdNamespace>,
    runtimes: HashMap<RuntimeId, RuntimeEntry>,
    requests: BTreeMap<(RuntimeId, RequestId), Request>,
    tokens: HashMap<TokenHash, TokenRecord>,
    /// The TAT and the last charge.
    rates: HashMap<(TokenId, TokenAction), (Timestamp, RequestId)>,
    next_eviction: Option<Timestamp>,
}

#[derive(Debug)]
struct RuntimeEntry {
    runtime: Runtime,
    work_hint_until: Option<Timestamp>,
    rate_limit_tat: Option<Timestamp>,
}

impl MemoryStore {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        // A panic cannot leave a transition half applied, so a poisoned lock is usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn runtime(&mut self, id: RuntimeId, now: Timestamp) -> Option<&mut RuntimeEntry> {
        self.runtimes.get_mut(&id).filter(|entry| entry.runtime.is_registered(now))
    }

    fn callers_runtime(
        &mut self,
        id: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Option<&mut RuntimeEntry> {
        self.runtime(id, now).filter(|entry| caller.workspaces.contains(entry.runtime.workspace))
    }

    fn request(&mut self, address: Address, now: Timestamp) -> Option<&mut Request> {
        let request = self.requests.get_mut(&(address.runtime, address.request))?;
        (request.address.kind == address.kind && request.is_readable(now)).then_some(request)
    }

    fn callers_request(
        &mut self,
        address: Address,
        caller: &Principal,
        now: Timestamp,
    ) -> Option<&mut Request> {
        self.request(address, now).filter(|request| caller.workspaces.contains(request.workspace))
    }

    /// Whether the new ones among `runtimes` fit into the workspace.
    fn has_room(&self, workspace: WorkspaceId, runtimes: &[Runtime], now: Timestamp) -> bool {
        let is_known = |id| self.runtimes.get(id).is_some_and(|entry| entry.runtime.is_registered(now));
        let ids: BTreeSet<RuntimeId> = runtimes.iter().map(|runtime| runtime.id).collect();
        let new = ids.iter().filter(|id| !is_known(id)).count();
        let is_registered =
            |entry: &&RuntimeEntry| entry.runtime.workspace == workspace && entry.runtime.is_registered(now);
        let known = || self.runtimes.values().filter(is_registered).count();
        new == 0 || known() + new <= RUNTIMES_PER_WORKSPACE
    }

    /// Keeps the time of the first registration, the work hint and the rate limit.
    fn insert_runtime(&mut self, mut runtime: Runtime, now: Timestamp) {
        let previous = self.runtimes.remove(&runtime.id).filter(|entry| entry.runtime.is_registered(now));
        if let Some(previous) = &previous {
            runtime.registered_at = previous.runtime.registered_at;
        }
        let work_hint_until = previous.as_ref().and_then(|entry| entry.work_hint_until);
        let rate_limit_tat = previous.and_then(|entry| entry.rate_limit_tat);
        self.runtimes.insert(runtime.id, RuntimeEntry { runtime, work_hint_until, rate_limit_tat });
    }

    /// Drops entries past their retention, at most once per [`RETENTION`], because each time it scans all entries.
    fn evict_expired(&mut self, now: Timestamp) {
        if self.next_eviction.is_some_and(|at| now < at) {
            return;
        }
        self.next_eviction = Some(now + RETENTION);
        self.requests.retain(|_, request| request.is_readable(now));
        self.runtimes.retain(|_, entry| entry.runtime.is_registered(now));
        self.rates.retain(|_, (tat, _)| *tat > now);
    }
}

impl Store for MemoryStore {
    async fn initiate(
        &self,
        address: Address,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<InitiateOutcome> {
        let mut contents = self.contents();
        contents.evict_expired(now);
        let existing = contents.request(address, now).cloned();
        let Some(entry) = contents.callers_runtime(address.runtime, caller, now) else {
            return Ok(InitiateOutcome::NotFound);
        };
        if !entry.runtime.is_online(now) {
            return Ok(InitiateOutcome::Offline);
        }
        if let Some(request) = existing {
            return Ok(InitiateOutcome::Enqueued(request));
        }
        match RUNTIME_RINGS.next_tat(entry.rate_limit_tat, now) {
            Ok(tat) => entry.rate_limit_tat = Some(tat),
            Err(limited) => return Ok(InitiateOutcome::RateLimited(limited)),
        }
        entry.work_hint_until = Some(now + WORK_HINT_LIFETIME);
        let request = Request::new(address, entry.runtime.workspace, now);
        contents.requests.insert((address.runtime, address.request), request.clone());
        Ok(InitiateOutcome::Enqueued(request))
    }

    async fn poll(&self, address: Address, caller: &Principal, now: Timestamp) -> Result<PollOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.callers_request(address, caller, now) else {
            return Ok(PollOutcome::NotFound);
        };
        let Some(timed_out) = request.timed_out_if_expired(now) else {
            return Ok(PollOutcome::Found(request.clone()));
        };
        *request = timed_out.clone();
        Ok(PollOutcome::TimedOut(timed_out))
    }

    async fn record_heartbeat(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<HeartbeatOutcome> {
        let mut contents = self.contents();
        let Some(entry) = contents.runtime(runtime, now) else { return Ok(HeartbeatOutcome::NotFound) };
        if !caller.workspaces.contains(entry.runtime.workspace) {
            return Ok(HeartbeatOutcome::OtherWorkspace);
        }
        entry.runtime.last_seen_at = now;
        entry.runtime.deregistered_at = None;
        let work_hint = entry.work_hint_until.is_some_and(|until| until >= now);
        Ok(HeartbeatOutcome::Recorded { work_hint, listing_due: None })
    }

    /// Runtimes are listed directly.
    async fn renew_listing(&self, _: WorkspaceId, _: RuntimeId, _: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn list_claimable(
        &self,
        runtime: RuntimeId,
        filter: &ClaimFilter,
        now: Timestamp,
    ) -> Result<Vec<Candidate>> {
        let contents = self.contents();
        let of_runtime =
            contents.requests.range((runtime, RequestId::MIN)..).take_while(|((of, _), _)| *of == runtime);
        let candidates = of_runtime.filter_map(|((_, id), request)| {
            let delivery = request.delivery(filter, now)?;
            Some(Candidate { request: *id, kind: request.address.kind, delivery })
        });
        Ok(candidates.collect())
    }

    async fn claim(
        &self,
        address: Address,
        _caller: &Principal,
        delivery: Delivery,
        token: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.request(address, now) else { return Ok(ClaimOutcome::Lost) };
        if let State::Running(lease) = request.state
            && lease.token == token
        {
            return Ok(ClaimOutcome::Won(request.clone()));
        }
        let Some(claimed) = request.claimed_if_claimable(delivery, token, now) else {
            return Ok(ClaimOutcome::Lost);
        };
        *request = claimed.clone();
        Ok(ClaimOutcome::Won(claimed))
    }

    async fn report(
        &self,
        address: Address,
        caller: &Principal,
        outcome: &RequestOutcome,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.callers_request(address, caller, now) else {
            return Ok(ReportOutcome::NotFound);
        };
        let Some(reported) = request.reported_if_open(outcome, now) else {
            return Ok(ReportOutcome::of_closed(request, outcome, now));
        };
        *request = reported;
        Ok(ReportOutcome::Recorded { created_at: request.created_at })
    }

    async fn register(
        &self,
        registration: Registration,
        namespace: RuntimeIdNamespace,
        now: Timestamp,
    ) -> Result<RegisterOutcome> {
        let mut contents = self.contents();
        contents.evict_expired(now);
        let namespace = *contents.namespaces.entry(registration.workspace).or_insert(namespace);
        let runtimes = registration.runtimes(namespace, now);
        if !contents.has_room(registration.workspace, &runtimes, now) {
            return Ok(RegisterOutcome::WorkspaceFull);
        }
        let ids: Vec<RuntimeId> = runtimes.iter().map(|runtime| runtime.id).collect();
        for runtime in runtimes {
            contents.insert_runtime(runtime, now);
        }
        let registered = ids.iter().filter_map(|id| Some(contents.runtimes.get(id)?.runtime.clone()));
        Ok(RegisterOutcome::Registered(registered.collect()))
    }

    async fn deregister(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<DeregisterOutcome> {
        let mut contents = self.contents();
        let Some(entry) = contents.callers_runtime(runtime, caller, now) else {
            return Ok(DeregisterOutcome::NotFound);
        };
        entry.runtime.deregistered_at = Some(now);
        Ok(DeregisterOutcome::Deregistered)
    }

    async fn forget_runtime(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<ForgetOutcome> {
        let mut contents = self.contents();
        if contents.callers_runtime(runtime, caller, now).is_none() {
            return Ok(ForgetOutcome::NotFound);
        }
        contents.runtimes.remove(&runtime);
        Ok(ForgetOutcome::Forgotten)
    }

    async fn list_runtimes(
        &self,
        workspace: WorkspaceId,
        after: Option<RuntimeId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<RuntimePage> {
        let contents = self.contents();
        let runtimes = contents.runtimes.values().map(|entry| &entry.runtime);
        let listed = runtimes.filter(|runtime| runtime.workspace == workspace && runtime.is_registered(now));
        let mut listed: Vec<&Runtime> = listed.filter(|runtime| Some(runtime.id) > after).collect();
        listed.sort_unstable_by_key(|runtime| runtime.id);
        let is_last = listed.len() <= limit;
        let runtimes: Vec<Runtime> = listed.into_iter().take(limit).cloned().collect();
        let next = runtimes.last().filter(|_| !is_last).map(|runtime| runtime.id);
        Ok(RuntimePage { runtimes, next })
    }

    async fn charge(&self, charge: &Charge, now: Timestamp) -> Result<ChargeOutcome> {
        let mut contents = self.contents();
        contents.evict_expired(now);
        let stored = contents.rates.get(&(charge.token, charge.action)).copied();
        if let Some((tat, last)) = stored
            && last == charge.id
        {
            return Ok(ChargeOutcome::Charged { tat });
        }
        match charge.rate.next_tat(stored.map(|(tat, _)| tat), now) {
            Ok(tat) => {
                contents.rates.insert((charge.token, charge.action), (tat, charge.id));
                Ok(ChargeOutcome::Charged { tat })
            }
            Err(limited) => {
                Ok(ChargeOutcome::RateLimited { limited, tat: stored.map_or(now, |(tat, _)| tat) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::time::Duration;

    use super::*;
    use crate::limits::RUNTIME_RETENTION;
    use crate::runtime::{RuntimeDescription, ShortText};

    async fn register(
        store: &MemoryStore,
        daemon_id: &str,
        runtimes: Range<usize>,
        now: Timestamp,
    ) -> RegisterOutcome {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let text = |text: &str| ShortText::try_from(text.to_owned()).unwrap();
        let description = |number: usize| RuntimeDescription {
            provider: text(&number.to_string()),
            profile_id: None,
            name: text("n"),
            version: None,
            online: true,
        };
        let registration = Registration {
            workspace,
            daemon_id: text(daemon_id),
            device_name: None,
            cli_version: None,
            owner_id: None,
            runtimes: runtimes.map(description).collect(),
        };
        let namespace = RuntimeIdNamespace::from_uuid(uuid::Uuid::from_u128(1));
        store.register(registration, namespace, now).await.unwrap()
    }

    /// The suite `limits` tests the same on DynamoDB.
    #[tokio::test]
    async fn full_workspace_accepts_known_runtimes_only() {
        const MOST: usize = RUNTIMES_PER_WORKSPACE;
        let store = MemoryStore::default();
        let start = Timestamp::from_millis(1_000_000).unwrap();
        assert_eq!(register(&store, "d", 0..MOST + 1, start).await, RegisterOutcome::WorkspaceFull);
        assert_eq!(store.contents().runtimes.len(), 0, "a part was written");
        let is_registered = |outcome| matches!(outcome, RegisterOutcome::Registered(_));
        assert!(is_registered(register(&store, "d", 0..MOST, start).await));
        assert_eq!(register(&store, "d", MOST - 1..MOST + 1, start).await, RegisterOutcome::WorkspaceFull);
        assert!(is_registered(register(&store, "d", 0..MOST, start).await));
        let expired = start + RUNTIME_RETENTION + Duration::from_millis(1);
        assert!(is_registered(register(&store, "d", MOST..MOST + 1, expired).await));
    }

    #[tokio::test]
    async fn evicts_expired_runtimes() {
        let store = MemoryStore::default();
        let start = Timestamp::from_millis(1_000_000).unwrap();
        for daemon_id in ["a", "b", "c"] {
            register(&store, daemon_id, 0..1, start).await;
        }
        register(&store, "d", 0..1, start + RUNTIME_RETENTION + RETENTION).await;
        assert_eq!(store.contents().runtimes.len(), 1);
    }
}
