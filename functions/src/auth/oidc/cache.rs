//! The cache of the issuer's keys: when it is refreshed, and the fallback while the issuer fails.
//!
//! | cached keys | fetch |
//! |---|---|
//! | younger than [`REFRESH_FLOOR`] | no: an unknown key id is denied |
//! | younger than [`KEYS_FRESH`], with the key id | no |
//! | others, or none | yes, unless the last fetch failed less than [`RETRY_FLOOR`] ago |
//!
//! If the fetch fails, a cached key younger than [`KEYS_USABLE`] is used; without one, the failure is returned. Ages use the
//! wall clock, which continues while Lambda freezes the process. One caller fetches at a time, and the others wait for its
//! result.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorbell_protocol::Timestamp;

use super::fetch::{FetchJson, KeySource};
use super::jwks::KeySet;
use super::limits::{KEYS_FRESH, KEYS_USABLE, REFRESH_FLOOR, RETRY_FLOOR};
use super::verification::OidcFault;

type Lookup = Result<Arc<KeySet>, OidcFault>;

pub(super) struct Cache<F> {
    source: KeySource<F>,
    entry: Mutex<Entry>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Entry {
    keys: Option<(Timestamp, Arc<KeySet>)>,
    /// The last failure since the keys were fetched.
    failure: Option<(Timestamp, OidcFault)>,
}

impl<F: FetchJson> Cache<F> {
    pub(super) fn new(source: KeySource<F>) -> Self {
        Self { source, entry: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// The keys to look up `id` in, at `now`.
    pub(super) async fn keys_for(&self, id: &str, now: Timestamp) -> Lookup {
        if let Some(cached) = self.entry().lookup(id, now) {
            return cached;
        }
        let _fetching = self.fetching.lock().await;
        // The previous holder of the lock may have fetched the keys.
        if let Some(cached) = self.entry().lookup(id, now) {
            return cached;
        }
        match self.source.keys().await {
            Ok(keys) => Ok(self.entry().store(keys, now)),
            Err(fault) => {
                let mut entry = self.entry();
                entry.failure = Some((now, fault.clone()));
                entry.fallback(id, now, fault)
            }
        }
    }

    fn entry(&self) -> MutexGuard<'_, Entry> {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The result without a fetch; `None` if a fetch is due.
    fn lookup(&self, id: &str, now: Timestamp) -> Option<Lookup> {
        let keys = self.keys.as_ref().filter(|(fetched, keys)| {
            let age = now.since(*fetched);
            age < REFRESH_FLOOR || (age < KEYS_FRESH && keys.contains(id))
        });
        if let Some((_, keys)) = keys {
            return Some(Ok(Arc::clone(keys)));
        }
        let (_, fault) = self.failure.as_ref().filter(|(failed, _)| now.since(*failed) < RETRY_FLOOR)?;
        Some(self.fallback(id, now, fault.clone()))
    }

    fn store(&mut self, keys: KeySet, now: Timestamp) -> Arc<KeySet> {
        let keys = Arc::new(keys);
        *self = Self { keys: Some((now, Arc::clone(&keys))), failure: None };
        keys
    }

    /// The cached keys instead of `fault`. Without `id` in them the fault stands: the issuer may have added that key since.
    fn fallback(&self, id: &str, now: Timestamp, fault: OidcFault) -> Lookup {
        let usable =
            |(fetched, keys): &&(_, Arc<KeySet>)| now.since(*fetched) < KEYS_USABLE && keys.contains(id);
        let Some((fetched, keys)) = self.keys.as_ref().filter(usable) else { return Err(fault) };
        tracing::warn!(%fetched, error = %fault, "using cached keys, the issuer cannot be reached");
        Ok(Arc::clone(keys))
    }
}
