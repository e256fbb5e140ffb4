//! The store in memory, under one lock. It applies the lifecycle directly and is the reference for other stores.
//!
//! For tests and `doorbell dev --store memory`. Keeps no [history](crate::request::RequestHistory) of a request: `doorbell why`
//! reads tables.

mod contents;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorbell_protocol::limits::OPEN_REQUESTS_PER_RUNTIME;
use doorbell_protocol::{Json, Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};

use self::contents::{Contents, UsedKey};
use super::Store;
use super::outcome::{
    CancelOutcome, ChargeOutcome, ClaimOutcome, DeregisterOutcome, FindQuestionOutcome, ForgetOutcome,
    HeartbeatOutcome, InitiateOutcome, PollOutcome, PresenceOutcome, ProgressOutcome, RecordedHeartbeat,
    RegisterOutcome, ReminderOutcome, ReportOutcome, Result, RuntimePage,
};
use crate::access::Principal;
use crate::presence::{HeartbeatChannel, Presence, PushLease};
use crate::push::ClientId;
use crate::rate_limit::{Charge, RUNTIME_RINGS};
use crate::request::{
    Address, ClaimFilter, KindFilter, LeaseToken, OpenRequest, Request, RequestOutcome, Ring, State,
};
use crate::runtime::{Registration, Runtime, RuntimeIdNamespace};

/// Clones share their contents, as replicas share a table.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Contents>>);

impl MemoryStore {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        // A panic cannot leave a transition half applied, so a poisoned lock is usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn initiate(&self, ring: &Ring, caller: &Principal, now: Timestamp) -> Result<InitiateOutcome> {
        let mut contents = self.contents();
        contents.evict_expired(now);
        let address = ring.address;
        let existing = contents.request(address, now).cloned();
        let open = contents.open(address.runtime, now).count();
        let of_key =
            contents.request_of_key(ring, now).map(|(request, used)| (request.clone(), used.clone()));
        let joined = contents.joined(ring, now).cloned();
        let Some(entry) = contents.callers_runtime(address.runtime, caller, now) else {
            return Ok(InitiateOutcome::NotFound);
        };
        if let Some((request, fingerprint)) = of_key.filter(|(request, _)| request.address != address) {
            let is_same = fingerprint == ring.fingerprint();
            return Ok(if is_same {
                InitiateOutcome::Existing(request)
            } else {
                InitiateOutcome::IdempotencyKeyUsed
            });
        }
        if !ring.deadlines.queued && !entry.runtime.is_online(now) {
            return Ok(InitiateOutcome::Offline(entry.runtime.presence.client.clone()));
        }
        let lease = entry.runtime.push_lease(now);
        if let Some(request) = existing {
            return Ok(InitiateOutcome::Enqueued(request, lease));
        }
        let tat = match RUNTIME_RINGS.next_tat(entry.rate_limit_tat, now) {
            Ok(tat) => tat,
            Err(limited) => return Ok(InitiateOutcome::RateLimited(limited)),
        };
        if open >= OPEN_REQUESTS_PER_RUNTIME {
            return Ok(joined.map_or(InitiateOutcome::QueueFull, InitiateOutcome::Existing));
        }
        entry.rate_limit_tat = Some(tat);
        if let Some(request) = joined {
            return Ok(InitiateOutcome::Existing(request));
        }
        let notified_at = lease.as_ref().map(|_| now);
        let Runtime { workspace, daemon_id, .. } = entry.runtime.clone();
        let request = Request { notified_at, ..Request::new(ring.clone(), workspace, daemon_id, now) };
        if let Some(key) = ring.idempotency_key.clone() {
            let used = UsedKey { request: address.request, fingerprint: ring.fingerprint(), used_at: now };
            contents.idempotency_keys.insert((address.runtime, key), used);
        }
        contents.requests.insert((address.runtime, address.request), request.clone());
        Ok(InitiateOutcome::Enqueued(request, lease))
    }

    async fn find_question(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<FindQuestionOutcome> {
        let mut contents = self.contents();
        let Some(entry) = contents.callers_runtime(runtime, caller, now) else {
            return Ok(FindQuestionOutcome::RuntimeNotFound);
        };
        let deadlines = entry.runtime.questions.deadlines(kind);
        Ok(deadlines.map_or(FindQuestionOutcome::NotDeclared, FindQuestionOutcome::Found))
    }

    async fn poll(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<PollOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.callers_request(address, kinds, caller, now) else {
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
        channel: HeartbeatChannel,
        now: Timestamp,
    ) -> Result<HeartbeatOutcome> {
        let mut contents = self.contents();
        let Some(entry) = contents.runtime(runtime, now) else { return Ok(HeartbeatOutcome::NotFound) };
        if !caller.owns(entry.runtime.workspace, &entry.runtime.daemon_id) {
            return Ok(HeartbeatOutcome::OtherWorkspace);
        }
        entry.runtime.last_seen_at = now;
        if channel == HeartbeatChannel::Plain {
            entry.runtime.presence = Presence::plain(now);
        }
        let Runtime { workspace, daemon_id, presence, .. } = entry.runtime.clone();
        let open = contents.open(runtime, now).map(OpenRequest::of).collect();
        let recorded = RecordedHeartbeat { open, workspace, daemon_id, presence, listing_is_due: false };
        Ok(HeartbeatOutcome::Recorded(recorded))
    }

    async fn replace_presence(
        &self,
        runtime: RuntimeId,
        seen: Timestamp,
        presence: &Presence,
        now: Timestamp,
    ) -> Result<PresenceOutcome> {
        let mut contents = self.contents();
        let entry = contents.runtimes.get_mut(&runtime);
        let current = entry.map(|entry| &mut entry.runtime.presence);
        let Some(current) = current.filter(|current| current.online_until == seen || *current == presence)
        else {
            return Ok(PresenceOutcome::Changed);
        };
        *current = presence.clone();
        Ok(PresenceOutcome::Replaced(contents.open(runtime, now).map(OpenRequest::of).collect()))
    }

    async fn record_connection(
        &self,
        client: &ClientId,
        runtimes: &[RuntimeId],
        _until: Timestamp,
    ) -> Result<()> {
        self.contents().connections.entry(client.clone()).or_default().extend(runtimes);
        Ok(())
    }

    async fn find_leases(&self, client: &ClientId, now: Timestamp) -> Result<Vec<(RuntimeId, PushLease)>> {
        let contents = self.contents();
        let recorded = contents.connections.get(client).into_iter().flatten();
        let leases = recorded.filter_map(|runtime| {
            let lease = contents.runtimes.get(runtime)?.runtime.push_lease(now)?;
            (lease.client == *client).then_some((*runtime, lease))
        });
        Ok(leases.collect())
    }

    async fn take_reminder(&self, request: &Request, now: Timestamp) -> Result<ReminderOutcome> {
        let mut contents = self.contents();
        let Some(stored) = contents.request(request.address, now) else { return Ok(ReminderOutcome::NotDue) };
        let is_unchanged = stored.notified_at == request.notified_at || stored.notified_at == Some(now);
        if stored.notified_at.is_none() || stored.state != State::Pending || !is_unchanged {
            return Ok(ReminderOutcome::NotDue);
        }
        stored.notified_at = Some(now);
        let entry = contents.runtime(request.address.runtime, now);
        let lease = entry.and_then(|entry| entry.runtime.push_lease(now));
        Ok(lease.map_or(ReminderOutcome::NotDue, ReminderOutcome::Taken))
    }

    /// Runtimes are listed directly.
    async fn renew_listing(&self, _: WorkspaceId, _: RuntimeId, _: Timestamp) -> Result<()> {
        Ok(())
    }

    async fn claim(
        &self,
        address: Address,
        _caller: &Principal,
        filter: ClaimFilter,
        token: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.request(address, now) else { return Ok(ClaimOutcome::Missing) };
        if let State::Running(lease) = request.state
            && lease.token == token
        {
            return Ok(ClaimOutcome::Won(request.clone()));
        }
        let Some(claimed) = request.claimed_if_claimable(filter, token, now) else {
            return Ok(ClaimOutcome::of_unclaimable(request, now));
        };
        *request = claimed.clone();
        Ok(ClaimOutcome::Won(claimed))
    }

    /// The open set is derived from the requests.
    async fn remove_open(&self, _: RuntimeId, _: &[OpenRequest]) -> Result<()> {
        Ok(())
    }

    async fn find_cancelled(
        &self,
        runtime: RuntimeId,
        requests: &[RequestId],
        now: Timestamp,
    ) -> Result<Vec<RequestId>> {
        let mut contents = self.contents();
        let mut is_cancelled = |request: RequestId| {
            let request = contents.request(Address { runtime, request }, now);
            request.is_some_and(|request| request.state == State::Cancelled)
        };
        Ok(requests.iter().copied().filter(|request| is_cancelled(*request)).collect())
    }

    async fn report(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        outcome: &RequestOutcome,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.callers_request(address, kinds, caller, now) else {
            return Ok(ReportOutcome::NotFound);
        };
        let Some(reported) = request.reported_if_open(outcome, now) else {
            return Ok(ReportOutcome::of_closed(request, outcome, now));
        };
        *request = reported;
        Ok(ReportOutcome::Recorded { created_at: request.created_at })
    }

    async fn report_progress(
        &self,
        address: Address,
        caller: &Principal,
        progress: &Json,
        now: Timestamp,
    ) -> Result<ProgressOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.callers_request(address, KindFilter::Any, caller, now) else {
            return Ok(ProgressOutcome::NotFound);
        };
        let Some(progressed) = request.progressed_if_running(progress.clone(), now) else {
            return Ok(ProgressOutcome::of_not_running(request));
        };
        *request = progressed;
        Ok(ProgressOutcome::Recorded)
    }

    async fn cancel(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<CancelOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.callers_request(address, kinds, caller, now) else {
            return Ok(CancelOutcome::NotFound);
        };
        let Some(cancelled) = request.cancelled_if_open(now) else {
            if let Some(timed_out) = request.timed_out_if_expired(now) {
                *request = timed_out;
            }
            return Ok(CancelOutcome::of_ended(request.clone(), now));
        };
        *request = cancelled.clone();
        Ok(CancelOutcome::Cancelled(cancelled))
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
        entry.runtime.presence = Presence::offline(now);
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
        let open: Vec<_> = contents.open(runtime, now).map(|request| request.address.request).collect();
        contents.undeliverable.extend(open.into_iter().map(|request| (runtime, request)));
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
        Ok(RuntimePage::bounded(runtimes, next))
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

    use doorbell_protocol::limits::{RETENTION, RUNTIMES_PER_WORKSPACE};

    use super::*;
    use crate::limits::RUNTIME_RETENTION;
    use crate::questions::Questions;
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
            questions: Questions::default(),
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
