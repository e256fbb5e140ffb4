//! What the store contains: lookups by caller, and the eviction of what is past its retention.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use doorbell_protocol::limits::{
    CATALOG_RETENTION, IDEMPOTENCY_RETENTION, REDEMPTION_RETRY, RETENTION, RUNTIMES_PER_WORKSPACE,
};
use doorbell_protocol::{IdempotencyKey, Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};

use crate::access::Principal;
use crate::catalog::Snapshot;
use crate::enrolment::{Enrolment, EnrolmentHash};
use crate::push::ClientId;
use crate::rate_limit::TokenAction;
use crate::request::{Address, Fingerprint, KindFilter, Request, Ring};
use crate::runtime::{Runtime, RuntimeIdNamespace};
use crate::token::{TokenHash, TokenRecord};
use crate::token_id::TokenId;

#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) namespaces: HashMap<WorkspaceId, RuntimeIdNamespace>,
    pub(super) runtimes: HashMap<RuntimeId, RuntimeEntry>,
    pub(super) requests: BTreeMap<(RuntimeId, RequestId), Request>,
    pub(super) tokens: HashMap<TokenHash, TokenRecord>,
    pub(super) enrolments: HashMap<EnrolmentHash, Enrolment>,
    /// The runtimes that a connection serves or has served.
    pub(super) connections: HashMap<ClientId, BTreeSet<RuntimeId>>,
    pub(super) token_connections: HashMap<TokenHash, BTreeSet<ClientId>>,
    /// The TAT and the last charge.
    pub(super) rates: HashMap<(TokenId, TokenAction), (Timestamp, RequestId)>,
    pub(super) idempotency_keys: HashMap<(RuntimeId, IdempotencyKey), UsedKey>,
    pub(super) snapshots: HashMap<(RuntimeId, Kind), Snapshot>,
    /// Requests of runtimes that were forgotten afterwards: the open set of a table is deleted with the runtime.
    pub(super) undeliverable: BTreeSet<(RuntimeId, RequestId)>,
    pub(super) next_eviction: Option<Timestamp>,
}

/// An idempotency key that was used.
#[derive(Debug)]
pub(super) struct UsedKey {
    pub(super) request: RequestId,
    pub(super) fingerprint: Fingerprint,
    pub(super) used_at: Timestamp,
}

impl UsedKey {
    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        now.since(self.used_at) <= IDEMPOTENCY_RETENTION
    }
}

#[derive(Debug)]
pub(super) struct RuntimeEntry {
    pub(super) runtime: Runtime,
    pub(super) rate_limit_tat: Option<Timestamp>,
}

impl Contents {
    pub(super) fn runtime(&mut self, id: RuntimeId, now: Timestamp) -> Option<&mut RuntimeEntry> {
        self.runtimes.get_mut(&id).filter(|entry| entry.runtime.is_registered(now))
    }

    pub(super) fn callers_runtime(
        &mut self,
        id: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Option<&mut RuntimeEntry> {
        self.runtime(id, now).filter(|entry| caller.owns(entry.runtime.workspace, &entry.runtime.daemon_id))
    }

    pub(super) fn request(&mut self, address: Address, now: Timestamp) -> Option<&mut Request> {
        let request = self.requests.get_mut(&(address.runtime, address.request))?;
        request.is_readable(now).then_some(request)
    }

    pub(super) fn callers_request(
        &mut self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> Option<&mut Request> {
        let request = self.request(address, now)?;
        let is_owned = caller.owns(request.workspace, &request.daemon_id);
        (kinds.matches(request.kind) && is_owned).then_some(request)
    }

    /// The open requests of `runtime`, the oldest first. Without those from before it was forgotten.
    pub(super) fn open(&self, runtime: RuntimeId, now: Timestamp) -> impl Iterator<Item = &Request> {
        let requests = self.requests.range((runtime, RequestId::MIN)..);
        let of_runtime = requests.take_while(move |((of, _), _)| *of == runtime);
        let deliverable = of_runtime.filter(|(key, _)| !self.undeliverable.contains(*key));
        deliverable.map(|(_, request)| request).filter(move |request| request.is_open(now))
    }

    /// The earlier request with the idempotency key of `ring`.
    pub(super) fn request_of_key(&self, ring: &Ring, now: Timestamp) -> Option<(&Request, &Fingerprint)> {
        let key = (ring.address.runtime, ring.idempotency_key.clone()?);
        let used = self.idempotency_keys.get(&key).filter(|used| used.is_valid(now))?;
        Some((self.requests.get(&(ring.address.runtime, used.request))?, &used.fingerprint))
    }

    /// The pending request that `ring` joins.
    pub(super) fn joined(&self, ring: &Ring, now: Timestamp) -> Option<&Request> {
        self.open(ring.address.runtime, now).find(|request| ring.may_join(request))
    }

    /// Whether the new ones among `runtimes` fit into the workspace.
    pub(super) fn has_room(&self, workspace: WorkspaceId, runtimes: &[Runtime], now: Timestamp) -> bool {
        let is_known = |id| self.runtimes.get(id).is_some_and(|entry| entry.runtime.is_registered(now));
        let ids: BTreeSet<RuntimeId> = runtimes.iter().map(|runtime| runtime.id).collect();
        let new = ids.iter().filter(|id| !is_known(id)).count();
        let is_registered =
            |entry: &&RuntimeEntry| entry.runtime.workspace == workspace && entry.runtime.is_registered(now);
        let known = || self.runtimes.values().filter(is_registered).count();
        new == 0 || known() + new <= RUNTIMES_PER_WORKSPACE
    }

    /// Keeps the time of the first registration and the rate limit.
    pub(super) fn insert_runtime(&mut self, mut runtime: Runtime, now: Timestamp) {
        let previous = self.runtimes.remove(&runtime.id).filter(|entry| entry.runtime.is_registered(now));
        if let Some(previous) = &previous {
            runtime.registered_at = previous.runtime.registered_at;
        }
        let rate_limit_tat = previous.and_then(|entry| entry.rate_limit_tat);
        self.runtimes.insert(runtime.id, RuntimeEntry { runtime, rate_limit_tat });
    }

    /// Drops entries past their retention, at most once per [`RETENTION`], because each time it scans all entries.
    pub(super) fn evict_expired(&mut self, now: Timestamp) {
        if self.next_eviction.is_some_and(|at| now < at) {
            return;
        }
        self.next_eviction = Some(now + RETENTION);
        self.requests.retain(|_, request| request.is_readable(now));
        self.undeliverable.retain(|key| self.requests.contains_key(key));
        self.runtimes.retain(|_, entry| entry.runtime.is_registered(now));
        self.enrolments.retain(|_, enrolment| now <= enrolment.expires_at + REDEMPTION_RETRY);
        self.snapshots.retain(|_, snapshot| now.since(snapshot.stored_at) <= CATALOG_RETENTION);
        self.rates.retain(|_, (tat, _)| *tat > now);
        self.idempotency_keys.retain(|_, used| used.is_valid(now));
    }
}
