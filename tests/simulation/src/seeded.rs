//! Random numbers, clocks and ids, determined by the seed.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use doorbell_protocol::{RequestId, Timestamp};
use doorbell_shared::clock::{Clock, Stopwatch};
use doorbell_shared::id_gen::IdGenerator;
use doorbell_shared::request::LeaseToken;
use doorbell_shared::runtime::RuntimeIdNamespace;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

/// Every choice comes from one stream of numbers. On one thread and in virtual time the seed determines the order of draws,
/// and so the run.
#[derive(Debug)]
pub(crate) struct SeededRng(Mutex<ChaCha8Rng>);

impl SeededRng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }

    pub(crate) fn number(&self, range: Range<u64>) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random_range(range)
    }

    pub(crate) fn bits(&self) -> u128 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).random()
    }

    pub(crate) fn one_of<T: Clone>(&self, choices: &[T]) -> T {
        let index = usize::try_from(self.number(0..choices.len() as u64)).unwrap();
        choices[index].clone()
    }

    pub(crate) fn happens(&self, per_mille: u64) -> bool {
        self.number(0..1000) < per_mille
    }
}

/// The largest clock error, in milliseconds, in both directions.
pub(crate) const SKEW: i64 = 2_000;

/// The start of every simulation. The value has no meaning.
const START: i64 = 1_795_318_867_000;

/// The time `millis` after the start.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis).unwrap()
}

/// The clock of a function instance, `skew` milliseconds ahead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SkewedClock {
    pub(crate) clock: Stopwatch,
    pub(crate) skew: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        at(i64::try_from(self.clock.elapsed_ms()).unwrap() + self.skew)
    }
}

/// Like the real ids, those of one instance ascend within a millisecond.
#[derive(Debug)]
pub(crate) struct SeededIds {
    rng: Arc<SeededRng>,
    last: Mutex<u128>,
}

impl SeededIds {
    pub(crate) fn new(rng: Arc<SeededRng>) -> Self {
        Self { rng, last: Mutex::default() }
    }
}

/// Always the same, so that clients can ring a runtime before it is registered.
pub(crate) const NAMESPACE: RuntimeIdNamespace = RuntimeIdNamespace::from_uuid(Uuid::from_u128(1));

/// The bits of a UUIDv7 below its time, with the fixed bits of version and variant among them.
const RANDOM_BITS: u128 = (1 << 80) - 1;

impl IdGenerator for SeededIds {
    fn request_id(&self, now: Timestamp) -> RequestId {
        let millis = u128::try_from(now.millis()).unwrap();
        // Two instances' ids of one millisecond come in any order.
        let random = (self.rng.bits() & RANDOM_BITS) >> 8;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = ((millis << 80) | random).max(*last + 1);
        RequestId::from_uuid(Uuid::from_u128(*last))
    }

    fn lease_token(&self) -> LeaseToken {
        LeaseToken::from_uuid(Uuid::from_u128(self.rng.bits()))
    }

    fn runtime_id_namespace(&self) -> RuntimeIdNamespace {
        NAMESPACE
    }
}
