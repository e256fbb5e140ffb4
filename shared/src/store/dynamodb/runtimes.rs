//! One query of the workspace's listings, then the runtimes themselves in batches: only they know whether they live.

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::DynamoDbStore;
use super::error::failed;
use super::expressions::string;
use super::items::{Item, ListingItem, RuntimeItem, read};
use super::keys::{Key, workspace_partition};
use crate::id::{RuntimeId, WorkspaceId};
use crate::runtime::Runtime;
use crate::store::{Result, Runtimes, StoreError};
use crate::time::Timestamp;

/// DynamoDB's limit on the keys of one BatchGetItem (AWS, "BatchGetItem").
const BATCH_KEYS: usize = 100;

/// A batch may come back in part; what is left is asked for again, this often in all.
const BATCH_TRIES: usize = 8;

impl Runtimes for DynamoDbStore {
    async fn runtimes(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<Runtime>> {
        let mut runtimes = Vec::new();
        for batch in self.listed(workspace).await?.chunks(BATCH_KEYS) {
            for item in self.batch(batch).await? {
                runtimes.push(Runtime::try_from(read::<RuntimeItem>(item)?)?);
            }
        }
        runtimes.retain(|runtime| runtime.workspace == workspace && runtime.is_known(now));
        Ok(runtimes)
    }
}

impl DynamoDbStore {
    async fn listed(&self, workspace: WorkspaceId) -> Result<Vec<RuntimeId>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string(workspace_partition(workspace)))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut listed = Vec::new();
        while let Some(item) = pages.next().await {
            let item: ListingItem = read(item.map_err(|error| failed("list runtimes")(&error))?)?;
            listed.extend(item.key.listed_runtime_id());
        }
        Ok(listed)
    }

    async fn batch(&self, runtimes: &[RuntimeId]) -> Result<Vec<Item>> {
        let keys = runtimes.iter().map(|runtime| Key::runtime(*runtime).into()).collect();
        let mut left = Some(self.keys(keys)?);
        let mut found = Vec::new();
        for _ in 0..BATCH_TRIES {
            let Some(keys) = left else { return Ok(found) };
            let call = self.client.batch_get_item().request_items(&self.table, keys).send();
            let output = call.await.map_err(|error| failed("read runtimes")(&error))?;
            found.extend(output.responses.unwrap_or_default().remove(&self.table).unwrap_or_default());
            left = output.unprocessed_keys.unwrap_or_default().remove(&self.table);
        }
        match left {
            None => Ok(found),
            Some(_) => Err(incomplete()),
        }
    }

    fn keys(&self, keys: Vec<Item>) -> Result<KeysAndAttributes> {
        KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .map_err(|_| incomplete())
    }
}

fn incomplete() -> StoreError {
    StoreError { operation: "read runtimes", detail: "a batch stayed incomplete".to_owned() }
}
