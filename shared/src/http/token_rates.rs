//! The rate limits of tokens, which initiate and register check before their store operations.
//!
//! The rate of a token is one item of the store, which all instances share. Charging it for every call would cost each ring one
//! more write, so each instance accepts one free call of a token per [`FREE_CALL_INTERVAL`]: usual clients are never charged.
//! The limit is therefore exceeded by at most one call per instance and interval.
//!
//! An instance remembers the last TAT that it has seen. A stored TAT never decreases, so a token that is over its limit by the
//! remembered TAT is rejected without a call of the store.
//!
//! API Gateway's authorizer cannot count: its response is cached.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorbell_protocol::Timestamp;

use crate::access::Principal;
use crate::id_gen::IdGenerator;
use crate::limits::{
    CHARGE_TIMEOUT, FREE_CALL_INTERVAL, REMEMBERED_TOKENS, TOKEN_REGISTRATION_BURST,
    TOKEN_REGISTRATION_INTERVAL, TOKEN_RING_BURST, TOKEN_RING_INTERVAL,
};
use crate::rate_limit::{Charge, Rate, RateLimited, TokenAction};
use crate::store::{ChargeOutcome, Store};
use crate::token_id::TokenId;

/// The rates of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLimits {
    pub rings: Rate,
    pub registrations: Rate,
}

impl Default for TokenLimits {
    /// The limits of a deployment.
    fn default() -> Self {
        Self {
            rings: Rate { interval: TOKEN_RING_INTERVAL, burst: TOKEN_RING_BURST },
            registrations: Rate { interval: TOKEN_REGISTRATION_INTERVAL, burst: TOKEN_REGISTRATION_BURST },
        }
    }
}

impl TokenLimits {
    fn rate(&self, action: TokenAction) -> Rate {
        match action {
            TokenAction::Ring => self.rings,
            TokenAction::Register => self.registrations,
        }
    }
}

/// The limits, and this instance's state of each token. Clones share the state.
#[derive(Clone, Debug)]
pub struct TokenRates {
    /// `None` limits nothing.
    limits: Option<TokenLimits>,
    seen: Arc<Mutex<HashMap<(TokenId, TokenAction), Seen>>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The last free call.
    free_at: Timestamp,
    /// The last TAT from the store.
    tat: Option<Timestamp>,
}

/// What to do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Free,
    Charge { known_tat: Option<Timestamp> },
    RateLimited(RateLimited),
}

impl Default for TokenRates {
    fn default() -> Self {
        Self::new(TokenLimits::default())
    }
}

impl TokenRates {
    pub fn new(limits: TokenLimits) -> Self {
        Self { limits: Some(limits), seen: Arc::default() }
    }

    /// Without limits, for load tests.
    pub fn unlimited() -> Self {
        Self { limits: None, seen: Arc::default() }
    }

    /// Counts a call of `caller` at `now`. If the store fails or takes longer than [`CHARGE_TIMEOUT`], the call is accepted.
    ///
    /// # Errors
    /// When the token is over its rate.
    pub async fn admit(
        &self,
        action: TokenAction,
        caller: &Principal,
        store: &impl Store,
        id_gen: &dyn IdGenerator,
        now: Timestamp,
    ) -> Result<(), RateLimited> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let rate = limits.rate(action);
        let token = caller.token_id;
        let known_tat = match self.decide(rate, (token, action), now) {
            Decision::Free => return Ok(()),
            Decision::RateLimited(limited) => return Err(limited),
            Decision::Charge { known_tat } => known_tat,
        };
        let charge = Charge { token, action, rate, id: id_gen.request_id(now), known_tat };
        match tokio::time::timeout(CHARGE_TIMEOUT, store.charge(&charge, now)).await {
            Ok(Ok(ChargeOutcome::Charged { tat })) => {
                self.remember((token, action), tat);
                Ok(())
            }
            Ok(Ok(ChargeOutcome::RateLimited { limited, tat })) => {
                self.remember((token, action), tat);
                Err(limited)
            }
            Ok(Err(error)) => {
                tracing::warn!(action = action.as_str(), %error, "token not charged");
                Ok(())
            }
            Err(_) => {
                tracing::warn!(action = action.as_str(), "token not charged in time");
                Ok(())
            }
        }
    }

    fn decide(&self, rate: Rate, key: (TokenId, TokenAction), now: Timestamp) -> Decision {
        let mut seen = self.seen();
        if let Some(entry) = seen.get_mut(&key) {
            if let Err(limited) = rate.next_tat(entry.tat, now) {
                return Decision::RateLimited(limited);
            }
            let is_idle = entry.tat.is_none_or(|tat| tat <= now);
            if is_idle && now.since(entry.free_at) >= FREE_CALL_INTERVAL {
                entry.free_at = now;
                return Decision::Free;
            }
            return Decision::Charge { known_tat: entry.tat };
        }
        if seen.len() >= REMEMBERED_TOKENS {
            let is_recent = |entry: &Seen| {
                now.since(entry.free_at) < FREE_CALL_INTERVAL || entry.tat.is_some_and(|tat| tat > now)
            };
            seen.retain(|_, entry| is_recent(entry));
        }
        if seen.len() >= REMEMBERED_TOKENS {
            return Decision::Charge { known_tat: None };
        }
        seen.insert(key, Seen { free_at: now, tat: None });
        Decision::Free
    }

    /// Concurrent calls may end in another order, so the latest TAT is kept.
    fn remember(&self, key: (TokenId, TokenAction), tat: Timestamp) {
        if let Some(entry) = self.seen().get_mut(&key) {
            entry.tat = entry.tat.max(Some(tat));
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<(TokenId, TokenAction), Seen>> {
        // Each entry is valid on its own, so a poisoned lock is usable.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id_gen::RandomIdGenerator;
    use crate::store::memory::MemoryStore;

    const RING: TokenAction = TokenAction::Ring;

    fn start() -> Timestamp {
        Timestamp::from_millis(1_000_000).unwrap()
    }

    fn caller(subject: &str) -> Principal {
        Principal { token_id: TokenId::of_subject(subject), ..Principal::of_workspaces([]) }
    }

    /// An instance of a function.
    struct Instance {
        rates: TokenRates,
        store: MemoryStore,
        id_gen: RandomIdGenerator,
    }

    impl Instance {
        fn on(store: &MemoryStore) -> Self {
            Self { rates: TokenRates::default(), store: store.clone(), id_gen: RandomIdGenerator::default() }
        }

        async fn ring(&self, subject: &str, now: Timestamp) -> Result<(), RateLimited> {
            self.rates.admit(RING, &caller(subject), &self.store, &self.id_gen, now).await
        }

        /// How many of `count` rings at `now` are accepted.
        async fn accepted(&self, count: u32, now: Timestamp) -> u32 {
            let mut accepted = 0;
            for _ in 0..count {
                accepted += u32::from(self.ring("a", now).await.is_ok());
            }
            accepted
        }
    }

    #[tokio::test]
    async fn accepts_burst_and_one_free_ring() {
        let instance = Instance::on(&MemoryStore::default());
        assert_eq!(instance.accepted(300, start()).await, TOKEN_RING_BURST + 1);
        let limited = RateLimited { retry_after: TOKEN_RING_INTERVAL };
        assert_eq!(instance.ring("a", start()).await, Err(limited));
        assert_eq!(instance.ring("b", start()).await, Ok(()), "another token");
        assert_eq!(instance.accepted(300, start() + Duration::from_secs(1)).await, 10);
    }

    #[tokio::test]
    async fn instances_share_the_burst() {
        let store = MemoryStore::default();
        let instances = [(); 5].map(|()| Instance::on(&store));
        let mut accepted = 0;
        for instance in &instances {
            accepted += instance.accepted(100, start()).await;
        }
        assert_eq!(accepted, TOKEN_RING_BURST + 5, "one free ring for each instance");
    }

    #[tokio::test]
    async fn rate_of_10_a_second_is_never_limited() {
        let instance = Instance::on(&MemoryStore::default());
        for number in 0..2_000 {
            let now = start() + TOKEN_RING_INTERVAL * number;
            assert_eq!(instance.ring("a", now).await, Ok(()), "{number}");
        }
    }

    #[test]
    fn one_call_in_10_s_is_free() {
        let rates = TokenRates::default();
        let rate = TokenLimits::default().rings;
        let key = (TokenId::of_subject("a"), RING);
        let decide = |seconds| rates.decide(rate, key, start() + Duration::from_secs(seconds));
        let decisions = [0, 0, 9, 10, 11, 20].map(decide);
        let charge = Decision::Charge { known_tat: None };
        assert_eq!(decisions, [Decision::Free, charge, charge, Decision::Free, charge, Decision::Free]);
    }

    #[test]
    fn token_over_its_limit_is_rejected_without_charge() {
        let rates = TokenRates::default();
        let rate = TokenLimits::default().rings;
        let key = (TokenId::of_subject("a"), RING);
        rates.decide(rate, key, start());
        rates.remember(key, rate.max_tat(start()) + TOKEN_RING_INTERVAL);
        let limited = RateLimited { retry_after: TOKEN_RING_INTERVAL };
        assert_eq!(rates.decide(rate, key, start()), Decision::RateLimited(limited));
    }

    #[test]
    fn remembers_a_bounded_number_of_tokens() {
        let rates = TokenRates::default();
        let rate = TokenLimits::default().rings;
        let key = |number: usize| (TokenId::of_subject(&number.to_string()), RING);
        for number in 0..REMEMBERED_TOKENS {
            assert_eq!(rates.decide(rate, key(number), start()), Decision::Free);
        }
        let charge = Decision::Charge { known_tat: None };
        assert_eq!(rates.decide(rate, key(REMEMBERED_TOKENS), start()), charge);
        assert_eq!(rates.seen().len(), REMEMBERED_TOKENS);
        assert_eq!(rates.decide(rate, key(REMEMBERED_TOKENS), start() + FREE_CALL_INTERVAL), Decision::Free);
        assert_eq!(rates.seen().len(), 1, "older tokens are forgotten");
    }

    #[tokio::test]
    async fn without_limits_everything_is_accepted() {
        let store = MemoryStore::default();
        let instance = Instance { rates: TokenRates::unlimited(), ..Instance::on(&store) };
        assert_eq!(instance.accepted(1_000, start()).await, 1_000);
    }
}
