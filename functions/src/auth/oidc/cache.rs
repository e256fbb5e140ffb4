//! When the issuer is asked for its keys, and what is done when it does not answer.
//!
//! | keys at hand | the issuer is |
//! |---|---|
//! | younger than [`REFRESH_FLOOR`] | not asked: a key id that is unknown then is nobody's |
//! | younger than [`KEYS_FRESH`], with the key in question | not asked |
//! | any other, or none | asked, unless it failed less than [`RETRY_FLOOR`] ago |
//!
//! Having failed, it is excused by a key younger than [`KEYS_USABLE`]; anything else is its fault. Ages are taken by
//! the wall clock, which goes on while Lambda has the process frozen. Only one asks at a time, and those who waited
//! take what it was told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorbell_protocol::Timestamp;

use super::fetch::FetchJson;
use super::keys::KeySet;
use super::limits::{KEYS_FRESH, KEYS_USABLE, REFRESH_FLOOR, RETRY_FLOOR};
use super::source::Source;
use super::verdict::OidcFault;

/// Where keys are looked up: what the issuer is known to publish, or why that can't be said.
type Answer = Result<Arc<KeySet>, OidcFault>;

/// An issuer's keys, remembered.
pub(super) struct Cache<F> {
    source: Source<F>,
    known: Mutex<Known>,
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Option<(Timestamp, Arc<KeySet>)>,
    /// Since the keys were fetched.
    failure: Option<(Timestamp, OidcFault)>,
}

impl<F: FetchJson> Cache<F> {
    /// Knows nothing yet.
    pub(super) fn new(source: Source<F>) -> Self {
        Self { source, known: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// The keys among which `id` is to be looked up at `now`.
    pub(super) async fn keys_for(&self, id: &str, now: Timestamp) -> Answer {
        if let Some(answer) = self.known().answer(id, now) {
            return answer;
        }
        let _asking = self.asking.lock().await;
        // Whoever asked before us may have been told.
        if let Some(answer) = self.known().answer(id, now) {
            return answer;
        }
        match self.source.keys().await {
            Ok(keys) => Ok(self.known().learn(keys, now)),
            Err(fault) => {
                self.known().failure = Some((now, fault.clone()));
                self.known().excuse(id, now, fault)
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The answer that can be given without asking the issuer.
    fn answer(&self, id: &str, now: Timestamp) -> Option<Answer> {
        let keys = self.keys.as_ref().filter(|(fetched, keys)| {
            let age = now.since(*fetched);
            age < REFRESH_FLOOR || (age < KEYS_FRESH && keys.has(id))
        });
        if let Some((_, keys)) = keys {
            return Some(Ok(Arc::clone(keys)));
        }
        let (_, fault) = self.failure.as_ref().filter(|(failed, _)| now.since(*failed) < RETRY_FLOOR)?;
        Some(self.excuse(id, now, fault.clone()))
    }

    fn learn(&mut self, keys: KeySet, now: Timestamp) -> Arc<KeySet> {
        let keys = Arc::new(keys);
        *self = Self { keys: Some((now, Arc::clone(&keys))), failure: None };
        keys
    }

    /// Makes do with the keys at hand. An id that is not among them may have been added since: that is for the issuer
    /// to say, and it does not.
    fn excuse(&self, id: &str, now: Timestamp, fault: OidcFault) -> Answer {
        let usable = |(fetched, keys): &&(_, Arc<KeySet>)| now.since(*fetched) < KEYS_USABLE && keys.has(id);
        let Some((fetched, keys)) = self.keys.as_ref().filter(usable) else { return Err(fault) };
        tracing::warn!(%fetched, error = %fault, "went by the issuer's old keys");
        Ok(Arc::clone(keys))
    }
}
