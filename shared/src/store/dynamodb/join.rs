//! Open requests of a runtime that a ring finds: one that it joins, or ended ones in a full open set.

use std::collections::HashMap;
use std::time::Duration;

use doorbell_protocol::{RequestId, RuntimeId, Timestamp};

use super::DynamoDbStore;
use super::items::{RequestItem, RuntimeItem, decode};
use super::keys::{Item, Key, is_runtime, request_id};
use crate::request::{OpenRequest, Request, Ring};
use crate::store::outcome::Result;

/// A concurrent ring adds its id before it puts its request. The request of an id is awaited for these times, one after the other: a
/// put takes 5 to 20 ms, and a client should not notice that the other ring has failed in between.
const PUT_WAITS: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(100), Duration::from_millis(200)];

/// The items of ids of an open set. `None` for a corrupt item.
pub(super) type FoundRequests = HashMap<RequestId, Option<Request>>;

impl DynamoDbStore {
    /// The pending request that `ring` joins, among the ids that `open` has besides its own. No call if there are none of its kind.
    ///
    /// Every id in `open` was added before the ring's, so two rings never wait for each other.
    pub(super) async fn find_joined(
        &self,
        ring: &Ring,
        open: Vec<OpenRequest>,
        now: Timestamp,
    ) -> Result<Option<Request>> {
        if !ring.joins || ring.args.is_some() {
            return Ok(None);
        }
        let is_other = |entry: &OpenRequest| entry.kind == ring.kind && entry.request != ring.address.request;
        let mut left: Vec<OpenRequest> = open.into_iter().filter(is_other).collect();
        if left.is_empty() {
            return Ok(None);
        }
        let found = self.read_open(ring.address.runtime, &left).await?;
        if let Some(joined) = joinable(ring, &found, now) {
            return Ok(Some(joined.clone()));
        }
        left.retain(|entry| !found.contains_key(&entry.request) && !entry.is_orphan(now));
        // What is put from here on is put after the ring has begun.
        for wait in PUT_WAITS {
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(wait).await;
            let (found, open) = self.read_left(ring.address.runtime, &left).await?;
            let newer = found.values().flatten().filter(|request| ring.may_join_later(request));
            if let Some(joined) = newer.min_by_key(|request| request.address.request) {
                return Ok(Some(joined.clone()));
            }
            // A ring that has joined another request has removed its id, and puts none.
            left.retain(|entry| !found.contains_key(&entry.request) && open.contains(entry));
        }
        Ok(None)
    }

    /// The items of `open`, without those that do not exist.
    pub(super) async fn read_open(&self, runtime: RuntimeId, open: &[OpenRequest]) -> Result<FoundRequests> {
        let keys = open.iter().map(|entry| Key::request(runtime, entry.request)).collect();
        Ok(found(runtime, self.read_batches(keys).await?))
    }

    /// The same, and the open set as it is now.
    async fn read_left(
        &self,
        runtime: RuntimeId,
        left: &[OpenRequest],
    ) -> Result<(FoundRequests, Vec<OpenRequest>)> {
        let keys = left.iter().map(|entry| Key::request(runtime, entry.request));
        let items = self.read_batches(keys.chain([Key::runtime(runtime)]).collect()).await?;
        let (runtimes, requests): (Vec<_>, Vec<_>) = items.into_iter().partition(is_runtime);
        let mut open = Vec::new();
        for item in runtimes {
            open = decode::<RuntimeItem>(item)?.open();
        }
        Ok((found(runtime, requests), open))
    }
}

fn found(runtime: RuntimeId, items: Vec<Item>) -> FoundRequests {
    let mut found = HashMap::new();
    for item in items {
        let Some(id) = request_id(&item) else { continue };
        let request = decode::<RequestItem>(item).and_then(|item| item.request(runtime, id));
        found.insert(id, request.ok());
    }
    found
}

/// The oldest of `found` that `ring` joins.
pub(super) fn joinable<'f>(ring: &Ring, found: &'f FoundRequests, now: Timestamp) -> Option<&'f Request> {
    let open = found.values().flatten().filter(|request| request.is_open(now) && ring.may_join(request));
    open.min_by_key(|request| request.address.request)
}

/// Those of `open` that are no open request: ended on every clock, corrupt, or orphaned.
pub(super) fn removable(open: &[OpenRequest], found: &FoundRequests, now: Timestamp) -> Vec<OpenRequest> {
    let is_removable = |entry: &&OpenRequest| match found.get(&entry.request) {
        Some(Some(request)) => request.has_ended(now),
        Some(None) => true,
        None => entry.is_orphan(now),
    };
    open.iter().filter(is_removable).copied().collect()
}
