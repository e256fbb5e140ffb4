//! Rings, and the rates of tokens.

use doorbell_protocol::Timestamp;
use doorbell_protocol::limits::OPEN_REQUESTS_PER_RUNTIME;

use super::contents::{Contents, UsedKey};
use crate::access::Principal;
use crate::rate_limit::{Charge, RUNTIME_RINGS};
use crate::request::{Request, Ring};
use crate::runtime::Runtime;
use crate::store::outcome::{ChargeOutcome, InitiateOutcome};

impl Contents {
    pub(super) fn ring(&mut self, ring: &Ring, caller: &Principal, now: Timestamp) -> InitiateOutcome {
        self.evict_expired(now);
        let address = ring.address;
        let existing = self.request(address, now).cloned();
        let open = self.open(address.runtime, now).count();
        let of_key = self.request_of_key(ring, now).map(|(request, used)| (request.clone(), used.clone()));
        let joined = self.joined(ring, now).cloned();
        let Some(entry) = self.callers_runtime(address.runtime, caller, now) else {
            return InitiateOutcome::NotFound;
        };
        if let Some((request, fingerprint)) = of_key.filter(|(request, _)| request.address != address) {
            let is_same = fingerprint == ring.fingerprint();
            return if is_same {
                InitiateOutcome::Existing(request)
            } else {
                InitiateOutcome::IdempotencyKeyUsed
            };
        }
        if !ring.deadlines.queued && !entry.runtime.is_online(now) {
            return InitiateOutcome::Offline(entry.runtime.presence.client.clone());
        }
        let lease = entry.runtime.push_lease(now);
        if let Some(request) = existing {
            return InitiateOutcome::Enqueued(request, lease);
        }
        let tat = match RUNTIME_RINGS.next_tat(entry.rate_limit_tat, now) {
            Ok(tat) => tat,
            Err(limited) => {
                return joined.map_or(InitiateOutcome::RateLimited(limited), InitiateOutcome::Existing);
            }
        };
        if open >= OPEN_REQUESTS_PER_RUNTIME {
            return joined.map_or(InitiateOutcome::QueueFull, InitiateOutcome::Existing);
        }
        entry.rate_limit_tat = Some(tat);
        if let Some(request) = joined {
            return InitiateOutcome::Existing(request);
        }
        let notified_at = lease.as_ref().map(|_| now);
        let Runtime { workspace, daemon_id, .. } = entry.runtime.clone();
        let request = Request { notified_at, ..Request::new(ring.clone(), workspace, daemon_id, now) };
        if let Some(key) = ring.idempotency_key.clone() {
            let used = UsedKey { request: address.request, fingerprint: ring.fingerprint(), used_at: now };
            self.idempotency_keys.insert((address.runtime, key), used);
        }
        self.requests.insert((address.runtime, address.request), request.clone());
        InitiateOutcome::Enqueued(request, lease)
    }

    pub(super) fn charge(&mut self, charge: &Charge, now: Timestamp) -> ChargeOutcome {
        self.evict_expired(now);
        let stored = self.rates.get(&(charge.token, charge.action)).copied();
        if let Some((tat, last)) = stored
            && last == charge.id
        {
            return ChargeOutcome::Charged { tat };
        }
        match charge.rate.next_tat(stored.map(|(tat, _)| tat), now) {
            Ok(tat) => {
                self.rates.insert((charge.token, charge.action), (tat, charge.id));
                ChargeOutcome::Charged { tat }
            }
            Err(limited) => ChargeOutcome::RateLimited { limited, tat: stored.map_or(now, |(tat, _)| tat) },
        }
    }
}
