//! The store in memory, under one lock. It applies the lifecycle directly and is the reference for other stores.
//!
//! For tests and `doorbell dev --store memory`. Keeps no [history](crate::request::RequestHistory) of a request: `doorbell why`
//! reads tables.

mod catalog;
mod contents;
mod presence;
mod ring;
#[cfg(test)]
mod tests;
mod tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorbell_protocol::{IdempotencyKey, Json, Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};

use self::contents::Contents;
use super::Store;
use super::outcome::{
    CancelOutcome, ChargeOutcome, ClaimOutcome, DeregisterOutcome, FindQuestionOutcome, FindSnapshotOutcome,
    ForgetOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome, PresenceOutcome, ProgressOutcome,
    RecordedHeartbeat, RegisterOutcome, ReminderOutcome, ReportOutcome, Result, RuntimePage,
};
use crate::access::Principal;
use crate::catalog::CatalogUpdate;
use crate::presence::{HeartbeatChannel, Presence, PushLease};
use crate::push::ClientId;
use crate::rate_limit::Charge;
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
        Ok(self.contents().ring(ring, caller, now))
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

    async fn find_snapshot(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        key: Option<&IdempotencyKey>,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<FindSnapshotOutcome> {
        Ok(self.contents().snapshot(runtime, kind, key, caller, now))
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
        Ok(self.contents().replace_presence(runtime, seen, presence, now))
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
        Ok(self.contents().leases(client, now))
    }

    async fn take_reminder(&self, request: &Request, now: Timestamp) -> Result<ReminderOutcome> {
        Ok(self.contents().take_reminder(request, now))
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
        catalog: CatalogUpdate,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        let mut contents = self.contents();
        let Some(request) = contents.callers_request(address, kinds, caller, now) else {
            return Ok(ReportOutcome::NotFound);
        };
        let reported = match request.reported_if_open(outcome, now) {
            Some(reported) => {
                *request = reported;
                ReportOutcome::Recorded { created_at: request.created_at }
            }
            None => ReportOutcome::of_closed(request, outcome, now),
        };
        let kind = request.kind;
        let reported_at = request.updated_at;
        if matches!(reported, ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate) {
            contents.update_catalog(address.runtime, kind, outcome, catalog, reported_at);
        }
        Ok(reported)
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
        Ok(self.contents().page(workspace, after, limit, now))
    }

    async fn charge(&self, charge: &Charge, now: Timestamp) -> Result<ChargeOutcome> {
        Ok(self.contents().charge(charge, now))
    }
}
