//! The operations of the store, each with the faults of its access. Some leave an id in the open set.

use std::sync::Arc;

use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::{IdempotencyKey, Json, Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};
use doorbell_shared::access::Principal;
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::presence::{HeartbeatChannel, Presence, PushLease};
use doorbell_shared::push::ClientId;
use doorbell_shared::rate_limit::Charge;
use doorbell_shared::request::{
    Address, ClaimFilter, Deadlines, KindFilter, LeaseToken, OpenRequest, Request, RequestOutcome, Ring,
    State,
};
use doorbell_shared::runtime::{Registration, RuntimeIdNamespace};
use doorbell_shared::store::{
    CancelOutcome, ChargeOutcome, ClaimOutcome, DeregisterOutcome, FindQuestionOutcome, FindSnapshotOutcome,
    ForgetOutcome, HeartbeatOutcome, InitiateOutcome, PollOutcome, PresenceOutcome, ProgressOutcome,
    RegisterOutcome, ReminderOutcome, ReportOutcome, Result, RuntimePage, Store,
};

use crate::access::{FaultyStore, unreachable_store};
use crate::bugs::{cancel_with_bug, hint_early, poll_with_bug, snapshot_with_bug};
use crate::context::{Bug, SharedStore};
use crate::history::{AccessKind, FaultKind, PushRecord};
use crate::report::Report;

/// Only the ring of an own runtime may leave its id without its request. Clients are bound to no daemon.
fn may_leave_orphan(caller: &Principal) -> bool {
    caller.daemon_id.is_none()
        && WORKSPACE_A.parse().is_ok_and(|workspace| caller.workspaces.contains(workspace))
}

impl<S: SharedStore> Store for FaultyStore<S> {
    async fn initiate(&self, ring: &Ring, caller: &Principal, now: Timestamp) -> Result<InitiateOutcome> {
        let Address { runtime, request } = ring.address;
        let access = self.start(AccessKind::Initiate, request, now);
        let entry = OpenRequest { request, kind: ring.kind };
        let leaves_orphan =
            may_leave_orphan(caller) && self.context.leaves_stray(FaultKind::Orphan, runtime, entry);
        if leaves_orphan {
            return Err(unreachable_store());
        }
        let caller = caller.clone();
        let mut ring = ring.clone();
        if self.context.bug == Some(Bug::QueueIgnored) {
            ring.deadlines.pending = Deadlines::of_seconds(30, 0, 0).pending;
        }
        let hints_early = self.context.bug == Some(Bug::HintBeforePut);
        if hints_early {
            hint_early(&self.context, runtime, now).await;
        }
        let initiate = |store: S| async move {
            Ok(match store.initiate(&ring, &caller, now).await? {
                InitiateOutcome::Enqueued(request, _) if hints_early => {
                    InitiateOutcome::Enqueued(request, None)
                }
                outcome => outcome,
            })
        };
        let response = self.access(initiate).await;
        self.finish(access, &response, |initiated| matches!(initiated, InitiateOutcome::Enqueued(..)));
        if let Ok(InitiateOutcome::Existing(earlier)) = &response {
            let join = self.start(AccessKind::Join, earlier.address.request, now);
            self.finish(join, &response, |_| true);
        }
        response
    }

    async fn find_question(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<FindQuestionOutcome> {
        let caller = caller.clone();
        self.access(|store| async move { store.find_question(runtime, kind, &caller, now).await }).await
    }

    async fn find_snapshot(
        &self,
        runtime: RuntimeId,
        kind: Kind,
        key: Option<&IdempotencyKey>,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<FindSnapshotOutcome> {
        let (key, caller) = (key.cloned(), caller.clone());
        let (runtime, now) = snapshot_with_bug(&self.context, runtime, now);
        let find =
            |store: S| async move { store.find_snapshot(runtime, kind, key.as_ref(), &caller, now).await };
        self.access(find).await
    }

    async fn poll(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<PollOutcome> {
        let caller = caller.clone();
        let bug = self.context.bug;
        let access = self.start(AccessKind::Poll, address.request, now);
        let poll = |store| async move { poll_with_bug(bug, store, address, kinds, &caller, now).await };
        let response = self.access(poll).await;
        self.finish(access, &response, |polled| *polled != PollOutcome::NotFound);
        if let Ok(PollOutcome::TimedOut(request)) = &response {
            self.end(request);
        }
        response
    }

    async fn record_heartbeat(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        channel: HeartbeatChannel,
        now: Timestamp,
    ) -> Result<HeartbeatOutcome> {
        let caller = caller.clone();
        let context = Arc::clone(&self.context);
        let record = |store: S| async move {
            let mut outcome = store.record_heartbeat(runtime, &caller, channel, now).await?;
            if let HeartbeatOutcome::Recorded(recorded) = &mut outcome {
                context.add_stray(runtime, &mut recorded.open);
            }
            Ok(outcome)
        };
        self.access(record).await
    }

    async fn replace_presence(
        &self,
        runtime: RuntimeId,
        seen: Timestamp,
        presence: &Presence,
        now: Timestamp,
    ) -> Result<PresenceOutcome> {
        let presence = presence.clone();
        let context = Arc::clone(&self.context);
        if let Some(call) = self.call
            && presence.client.is_some()
        {
            let is_new = presence.online_until > seen;
            context.environment.record_push(if is_new {
                PushRecord::Leased { runtime, call }
            } else {
                PushRecord::Shortened { runtime }
            });
        }
        let replace = |store: S| async move {
            let mut outcome = store.replace_presence(runtime, seen, &presence, now).await?;
            if let PresenceOutcome::Replaced(open) = &mut outcome {
                context.add_stray(runtime, open);
            }
            Ok(outcome)
        };
        self.access(replace).await
    }

    async fn record_connection(
        &self,
        client: &ClientId,
        runtimes: &[RuntimeId],
        until: Timestamp,
    ) -> Result<()> {
        let client = client.clone();
        let runtimes = runtimes.to_vec();
        self.access(|store| async move { store.record_connection(&client, &runtimes, until).await }).await
    }

    async fn find_leases(&self, client: &ClientId, now: Timestamp) -> Result<Vec<(RuntimeId, PushLease)>> {
        let client = client.clone();
        self.access(|store| async move { store.find_leases(&client, now).await }).await
    }

    async fn take_reminder(&self, request: &Request, now: Timestamp) -> Result<ReminderOutcome> {
        let request = request.clone();
        self.access(|store| async move { store.take_reminder(&request, now).await }).await
    }

    async fn renew_listing(&self, workspace: WorkspaceId, runtime: RuntimeId, now: Timestamp) -> Result<()> {
        self.access(|store| async move { store.renew_listing(workspace, runtime, now).await }).await
    }

    async fn claim(
        &self,
        address: Address,
        caller: &Principal,
        filter: ClaimFilter,
        token: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        let access = self.start(AccessKind::Claim, address.request, now);
        let pending_only = self.context.bug == Some(Bug::NoRedelivery);
        let filter = if pending_only { ClaimFilter::Pending } else { filter };
        self.context.environment.history().accesses[access].lease = Some((filter, token));
        let caller = caller.clone();
        let claim = |store: S| async move { store.claim(address, &caller, filter, token, now).await };
        let response = self.access(claim).await;
        self.finish(access, &response, |claim| matches!(claim, ClaimOutcome::Won(_)));
        if let Ok(ClaimOutcome::Won(request)) = &response
            && let State::Running(lease) = request.state
        {
            self.context.environment.history().accesses[access].attempt = Some(lease.attempt);
        }
        response
    }

    async fn remove_open(&self, runtime: RuntimeId, ended: &[OpenRequest]) -> Result<()> {
        let ended = ended.to_vec();
        let context = Arc::clone(&self.context);
        let remove = |store: S| async move {
            if context.bug == Some(Bug::NothingRemoved) {
                return Ok(());
            }
            context.stray().retain(|(of, entry)| *of != runtime || !ended.contains(entry));
            store.remove_open(runtime, &ended).await
        };
        self.access(remove).await
    }

    async fn find_cancelled(
        &self,
        runtime: RuntimeId,
        requests: &[RequestId],
        now: Timestamp,
    ) -> Result<Vec<RequestId>> {
        let requests = requests.to_vec();
        self.access(|store| async move { store.find_cancelled(runtime, &requests, now).await }).await
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
        let reporter = caller.clone();
        let outcome = outcome.clone();
        let access = self.start(AccessKind::Report, address.request, now);
        let context = Arc::clone(&self.context);
        let report = |store: S| async move {
            Report { address, kinds, reporter, outcome, catalog, now }.store(&context, store).await
        };
        let response = self.access(report).await;
        self.finish(access, &response, |reported| {
            matches!(reported, ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate)
        });
        if let Ok(ReportOutcome::Recorded { .. }) = &response {
            self.end_at(address, caller, now).await;
        }
        response
    }

    async fn report_progress(
        &self,
        address: Address,
        caller: &Principal,
        progress: &Json,
        now: Timestamp,
    ) -> Result<ProgressOutcome> {
        let caller = caller.clone();
        let progress = progress.clone();
        let access = self.start(AccessKind::Progress, address.request, now);
        let report = |store: S| async move { store.report_progress(address, &caller, &progress, now).await };
        let response = self.access(report).await;
        self.finish(access, &response, |reported| *reported == ProgressOutcome::Recorded);
        response
    }

    async fn cancel(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<CancelOutcome> {
        let caller = caller.clone();
        let bug = self.context.bug;
        let access = self.start(AccessKind::Cancel, address.request, now);
        let cancel =
            |store: S| async move { cancel_with_bug(bug, store, address, kinds, &caller, now).await };
        let response = self.access(cancel).await;
        self.finish(access, &response, |cancelled| matches!(cancelled, CancelOutcome::Cancelled(_)));
        if let Ok(CancelOutcome::Cancelled(request)) = &response {
            self.end(request);
        }
        response
    }

    async fn register(
        &self,
        registration: Registration,
        namespace: RuntimeIdNamespace,
        now: Timestamp,
    ) -> Result<RegisterOutcome> {
        self.access(|store| async move { store.register(registration, namespace, now).await }).await
    }

    async fn deregister(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<DeregisterOutcome> {
        let caller = caller.clone();
        self.access(|store| async move { store.deregister(runtime, &caller, now).await }).await
    }

    async fn forget_runtime(
        &self,
        runtime: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<ForgetOutcome> {
        let caller = caller.clone();
        self.access(|store| async move { store.forget_runtime(runtime, &caller, now).await }).await
    }

    async fn list_runtimes(
        &self,
        workspace: WorkspaceId,
        after: Option<RuntimeId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<RuntimePage> {
        self.access(|store| async move { store.list_runtimes(workspace, after, limit, now).await }).await
    }

    async fn charge(&self, charge: &Charge, now: Timestamp) -> Result<ChargeOutcome> {
        let charge = *charge;
        self.access(|store| async move { store.charge(&charge, now).await }).await
    }
}
