//! What a workspace's partition lists: the keys in one query, and what they name in batches.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::failed;
use super::expressions::string;
use super::items::{Item, read};
use super::keys::{Key, workspace_partition};
use crate::id::WorkspaceId;
use crate::store::{Result, StoreError};

/// DynamoDB's limit on the keys of one BatchGetItem (AWS, "BatchGetItem").
const BATCH_KEYS: usize = 100;

/// A batch may come back in part; what is left is asked for again, this often in all.
const BATCH_TRIES: usize = 8;

/// As much of a listing as a list reads.
#[derive(Deserialize)]
struct Listed {
    #[serde(flatten)]
    key: Key,
}

impl DynamoDbStore {
    /// The keys in `workspace`'s partition whose sort key begins with `prefix`.
    pub(super) async fn listed(&self, workspace: WorkspaceId, prefix: &str) -> Result<Vec<Key>> {
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
            let item: Listed = read(item.map_err(|error| failed("list")(&error))?)?;
            listed.push(item.key);
        }
        Ok(listed)
    }

    /// The items with those keys, as far as there are any.
    pub(super) async fn items(&self, keys: Vec<Key>) -> Result<Vec<Item>> {
        let mut found = Vec::new();
        for batch in keys.chunks(BATCH_KEYS) {
            found.extend(self.batch(batch.iter().cloned().map(Item::from).collect()).await?);
        }
        Ok(found)
    }

    async fn batch(&self, keys: Vec<Item>) -> Result<Vec<Item>> {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut left = Some(keys.map_err(|_| incomplete())?);
        let mut found = Vec::new();
        for _ in 0..BATCH_TRIES {
            let Some(keys) = left else { return Ok(found) };
            let call = self.client.batch_get_item().request_items(&self.table, keys).send();
            let output = call.await.map_err(|error| failed("read listed")(&error))?;
            found.extend(output.responses.unwrap_or_default().remove(&self.table).unwrap_or_default());
            left = output.unprocessed_keys.unwrap_or_default().remove(&self.table);
        }
        if left.is_none() { Ok(found) } else { Err(incomplete()) }
    }
}

fn incomplete() -> StoreError {
    StoreError { operation: "read listed", detail: "a batch stayed incomplete".to_owned() }
}
