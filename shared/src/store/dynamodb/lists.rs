//! Lists: a query of a workspace's listings, then batches of the listed items. Runtimes are listed in pages, tokens in pages or as a whole.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::DynamoDbStore;
use super::error::{corrupt, failed};
use super::items::{RuntimeItem, decode};
use super::keys::{Item, Key, LISTED_RUNTIMES, runtime_id, string, workspace_partition};
use crate::runtime::Runtime;
use crate::store::outcome::{Result, RuntimePage, StoreError, StoreErrorKind};

/// DynamoDB's limit on the keys of one BatchGetItem (AWS, "BatchGetItem").
pub(super) const BATCH_KEYS: usize = 100;

/// Batches that are read at the same time: the runtimes of a whole page, each batch on a connection of its own.
const BATCHES_IN_PARALLEL: usize = 5;

/// DynamoDB may process only a part of a batch, when a partition is over its throughput or the response over 16 MB. The rest is
/// requested again, up to this many calls in total.
const BATCH_TRIES: u32 = 7;

/// The longest wait before the second call of a batch. It doubles with each call. AWS recommends exponential back-off ("Error
/// handling with DynamoDB", "Batch operations and error handling"); full jitter spreads the calls of concurrent lists.
const BACKOFF: Duration = Duration::from_millis(50);

/// The longest wait between any two calls.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// A batch fails after this: with one query it then ends within the limit of a call.
const BATCH_TIMEOUT: Duration = Duration::from_secs(3);

/// A listing is a key only.
struct ListingPage {
    runtimes: Vec<RuntimeId>,
    next: Option<RuntimeId>,
}

impl DynamoDbStore {
    /// One query of the listings, then the runtimes in batches, then the questions of those that have some: only a runtime's own item
    /// shows whether it is still registered.
    pub(super) async fn read_runtimes(
        &self,
        workspace: WorkspaceId,
        after: Option<RuntimeId>,
        limit: usize,
        now: Timestamp,
    ) -> Result<RuntimePage> {
        let listed = self.read_listing_page(workspace, after, limit).await?;
        let mut runtimes: Vec<Runtime> = Vec::new();
        let mut declaring = HashSet::new();
        for item in self.read_batches(listed.runtimes.into_iter().map(Key::runtime).collect()).await? {
            let id = runtime_id(&item).ok_or_else(|| corrupt("a runtime's key"))?;
            let item = decode::<RuntimeItem>(item);
            if item.as_ref().is_ok_and(|item| item.has_questions) {
                declaring.insert(id);
            }
            match item.and_then(|item| item.runtime(id)) {
                Ok(runtime) => runtimes.push(runtime),
                // Without it, the others of the workspace stay usable.
                Err(_) => tracing::warn!(%id, "runtime with a corrupt item not listed"),
            }
        }
        runtimes.retain(|runtime| runtime.workspace == workspace && runtime.is_registered(now));
        // A batch comes back in any order.
        runtimes.sort_unstable_by_key(|runtime| runtime.id);
        self.read_questions(&mut runtimes, |id| declaring.contains(&id)).await?;
        Ok(RuntimePage::bounded(runtimes, listed.next))
    }

    /// Reads one listing more than `limit`, which shows whether another page follows.
    async fn read_listing_page(
        &self,
        workspace: WorkspaceId,
        after: Option<RuntimeId>,
        limit: usize,
    ) -> Result<ListingPage> {
        let start = after.map(|runtime| Key::listing(workspace, runtime).into());
        let query = self.query_listings(workspace, LISTED_RUNTIMES);
        let query = query.set_exclusive_start_key(start).limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let output = query.send().await.map_err(failed("list"))?;
        let mut runtimes = Vec::new();
        for item in output.items.unwrap_or_default() {
            let id = decode::<Key>(item)?.listed_runtime_id();
            runtimes.push(id.ok_or_else(|| corrupt("a listing's key"))?);
        }
        let is_last = runtimes.len() <= limit && output.last_evaluated_key.is_none();
        runtimes.truncate(limit);
        let next = runtimes.last().copied().filter(|_| !is_last);
        Ok(ListingPage { runtimes, next })
    }

    /// The keys in `workspace`'s partition whose sort key begins with `prefix`.
    pub(super) async fn read_listings(&self, workspace: WorkspaceId, prefix: &str) -> Result<Vec<Key>> {
        let mut pages = self.query_listings(workspace, prefix).into_paginator().items().send();
        let mut listed = Vec::new();
        while let Some(item) = pages.next().await {
            listed.push(decode(item.map_err(failed("list"))?)?);
        }
        Ok(listed)
    }

    /// The query of the listings in `workspace` whose sort key begins with `prefix`.
    pub(super) fn query_listings(&self, workspace: WorkspaceId, prefix: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", string(workspace_partition(workspace)))
            .expression_attribute_values(":prefix", string(prefix))
            .consistent_read(true)
    }

    /// The items with those keys, in any order. Missing ones are left out.
    pub(super) async fn read_batches(&self, keys: Vec<Key>) -> Result<Vec<Item>> {
        let batches: Vec<Vec<Item>> =
            keys.chunks(BATCH_KEYS).map(|batch| batch.iter().cloned().map(Item::from).collect()).collect();
        let reads = stream::iter(batches).map(|batch| self.read_batch(batch));
        reads.buffer_unordered(BATCHES_IN_PARALLEL).try_concat().await
    }

    async fn read_batch(&self, keys: Vec<Item>) -> Result<Vec<Item>> {
        let read = tokio::time::timeout(BATCH_TIMEOUT, self.read_whole_batch(keys)).await;
        read.unwrap_or_else(|_| Err(StoreError::new("read listed", StoreErrorKind::Timeout)))
    }

    async fn read_whole_batch(&self, keys: Vec<Item>) -> Result<Vec<Item>> {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut left = keys
            .map_err(|error| StoreError::new("read listed", StoreErrorKind::Internal).with_source(error))?;
        let mut found = Vec::new();
        for attempt in 1..=BATCH_TRIES {
            let call = self.client.batch_get_item().request_items(&self.table, left).send();
            let output = call.await.map_err(failed("read listed"))?;
            found.extend(output.responses.unwrap_or_default().remove(&self.table).unwrap_or_default());
            match output.unprocessed_keys.unwrap_or_default().remove(&self.table) {
                None => return Ok(found),
                Some(unprocessed) => left = unprocessed,
            }
            if attempt < BATCH_TRIES {
                tokio::time::sleep(backoff(attempt)).await;
            }
        }
        Err(StoreError::new("read listed", StoreErrorKind::Throttled).with_detail("unprocessed keys"))
    }
}

/// A random time up to the longest wait after this many calls.
fn backoff(calls: u32) -> Duration {
    let longest = BACKOFF.saturating_mul(2_u32.saturating_pow(calls - 1)).min(MAX_BACKOFF);
    longest.mul_f64(fastrand::f64())
}
