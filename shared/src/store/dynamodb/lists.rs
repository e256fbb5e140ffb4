//! Lists: one query of a workspace's listings, then batches of the listed items. Runtimes and tokens are listed in the same way.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use doorbell_protocol::{Timestamp, WorkspaceId};

use super::DynamoDbStore;
use super::error::{corrupt, failed};
use super::items::{RuntimeItem, decode};
use super::keys::{Item, Key, LISTED_RUNTIMES, runtime_id, string, workspace_partition};
use crate::runtime::Runtime;
use crate::store::outcome::{Result, StoreError, StoreErrorKind};

/// DynamoDB's limit on the keys of one BatchGetItem (AWS, "BatchGetItem").
const BATCH_KEYS: usize = 100;

/// DynamoDB may process only a part of a batch. The rest is requested again, up to this many calls in total.
const BATCH_TRIES: usize = 8;

impl DynamoDbStore {
    /// One query of the workspace's listings, then the runtimes in batches: only a runtime's own item shows whether it is still
    /// registered.
    pub(super) async fn read_runtimes(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<Runtime>> {
        let listed = self.read_listings(workspace, LISTED_RUNTIMES).await?;
        let keys = listed.iter().filter_map(Key::listed_runtime_id).map(Key::runtime);
        let mut runtimes = Vec::new();
        for item in self.read_batches(keys.collect()).await? {
            let id = runtime_id(&item).ok_or_else(|| corrupt("a runtime's key"))?;
            runtimes.push(decode::<RuntimeItem>(item)?.runtime(id)?);
        }
        runtimes.retain(|runtime| runtime.workspace == workspace && runtime.is_registered(now));
        Ok(runtimes)
    }

    /// The keys in `workspace`'s partition whose sort key begins with `prefix`.
    pub(super) async fn read_listings(&self, workspace: WorkspaceId, prefix: &str) -> Result<Vec<Key>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", string(workspace_partition(workspace)))
            .expression_attribute_values(":prefix", string(prefix))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut listed = Vec::new();
        while let Some(item) = pages.next().await {
            listed.push(decode(item.map_err(failed("list"))?)?);
        }
        Ok(listed)
    }

    /// The items with those keys. Missing ones are left out.
    pub(super) async fn read_batches(&self, keys: Vec<Key>) -> Result<Vec<Item>> {
        let mut found = Vec::new();
        for batch in keys.chunks(BATCH_KEYS) {
            found.extend(self.read_batch(batch.iter().cloned().map(Item::from).collect()).await?);
        }
        Ok(found)
    }

    async fn read_batch(&self, keys: Vec<Item>) -> Result<Vec<Item>> {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let keys = keys
            .map_err(|error| StoreError::new("read listed", StoreErrorKind::Internal).with_source(error))?;
        let mut left = Some(keys);
        let mut found = Vec::new();
        for _ in 0..BATCH_TRIES {
            let Some(keys) = left else { return Ok(found) };
            let call = self.client.batch_get_item().request_items(&self.table, keys).send();
            let output = call.await.map_err(failed("read listed"))?;
            found.extend(output.responses.unwrap_or_default().remove(&self.table).unwrap_or_default());
            left = output.unprocessed_keys.unwrap_or_default().remove(&self.table);
        }
        if left.is_none() {
            return Ok(found);
        }
        Err(StoreError::new("read listed", StoreErrorKind::Throttled).with_detail("unprocessed keys"))
    }
}
