//! Runtimes: register, heartbeat, deregister, list. Tokens are listed in the same way.

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, corrupt, failed};
use super::items::{ListingItem, RuntimeItem, decode, encode, runtime_expiry};
use super::keys::{
    Item, Key, LISTED_RUNTIMES, WorkspaceFilter, millis, number, runtime_id, string, workspace_partition,
};
use crate::access::Workspaces;
use crate::limits::RUNTIME_RETENTION;
use crate::runtime::{Registration, Runtime};
use crate::store::outcome::{DeregisterOutcome, HeartbeatOutcome, Result, StoreError, StoreErrorKind};

/// DynamoDB's limit on the keys of one BatchGetItem (AWS, "BatchGetItem").
const BATCH_KEYS: usize = 100;

/// DynamoDB may process only a part of a batch. The rest is requested again, up to this many calls in total.
const BATCH_TRIES: usize = 8;

impl DynamoDbStore {
    /// Two upserts: the listing, then the runtime. A crash in between leaves a listing without a runtime, which reads skip,
    /// never a runtime without a listing.
    pub(super) async fn write_runtime(&self, registration: Registration, now: Timestamp) -> Result<Runtime> {
        let runtime = Runtime::registered(registration, None, now);
        self.write_listing(&runtime, now).await?;
        // Keeps `registered_at`, the work hint and the rate limit.
        let deregistered = if runtime.deregistered_at.is_some() {
            ", deregistered_at = :now"
        } else {
            " REMOVE deregistered_at"
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(runtime.id).into()))
            .update_expression(format!(
                "SET workspace_id = :workspace_id, daemon_id = :daemon_id, provider = :provider, #name = :name, \
                 registered_at = if_not_exists(registered_at, :now), last_seen_at = :now, \
                 listed_until = :listed_until, expires_at = :expires_at{deregistered}"
            ))
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":workspace_id", string(runtime.workspace.to_string()))
            .expression_attribute_values(":daemon_id", string(runtime.daemon_id.as_str()))
            .expression_attribute_values(":provider", string(runtime.provider.as_str()))
            .expression_attribute_values(":name", string(runtime.name.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":listed_until", millis(now + RUNTIME_RETENTION))
            .expression_attribute_values(":expires_at", number(runtime_expiry(now)))
            .return_values(ReturnValue::AllNew);
        let output = update.send().await.map_err(failed("register"))?;
        decode::<RuntimeItem>(output.attributes.unwrap_or_default())?.runtime(runtime.id)
    }

    /// One write: liveness, access check and work hint.
    pub(super) async fn write_heartbeat(
        &self,
        id: RuntimeId,
        callers: &Workspaces,
        now: Timestamp,
    ) -> Result<HeartbeatOutcome> {
        let item: RuntimeItem = match self.update_last_seen(id, callers, now).await? {
            ConditionalWrite::Applied(item) => decode(item)?,
            ConditionalWrite::ConditionFailed(None) => return Ok(HeartbeatOutcome::NotFound),
            ConditionalWrite::ConditionFailed(Some(item)) => {
                let runtime = decode::<RuntimeItem>(item)?.runtime(id)?;
                return Ok(if runtime.is_registered(now) {
                    HeartbeatOutcome::OtherWorkspace
                } else {
                    HeartbeatOutcome::NotFound
                });
            }
        };
        let work_hint = item.work_hint_until.is_some_and(|until| until >= now.millis());
        self.renew_listing_if_due(id, item, now).await;
        Ok(HeartbeatOutcome::Recorded { work_hint })
    }

    async fn update_last_seen(
        &self,
        id: RuntimeId,
        callers: &Workspaces,
        now: Timestamp,
    ) -> Result<ConditionalWrite<Item>> {
        let workspaces = WorkspaceFilter::new(callers);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(id).into()))
            .update_expression("SET last_seen_at = :now, expires_at = :expires_at REMOVE deregistered_at")
            .condition_expression(format!("{} AND last_seen_at >= :registered_since", workspaces.condition))
            .set_expression_attribute_values(Some(workspaces.values))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", number(runtime_expiry(now)))
            .expression_attribute_values(":registered_since", millis(now - RUNTIME_RETENTION))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let written = conditional("heartbeat", update.send().await)?;
        Ok(written.map(|output| output.attributes.unwrap_or_default()))
    }

    /// Renews the listing in the second half of its seven days. A failure is only logged, because the next heartbeat retries.
    async fn renew_listing_if_due(&self, id: RuntimeId, item: RuntimeItem, now: Timestamp) {
        let due = now + RUNTIME_RETENTION / 2;
        if item.listed_until >= due.millis() {
            return;
        }
        let renewed = match item.runtime(id) {
            Ok(runtime) => self.renew_listing(&runtime, now).await,
            Err(error) => Err(error),
        };
        if let Err(error) = renewed {
            tracing::warn!(%error, "listing not renewed");
        }
    }

    async fn renew_listing(&self, runtime: &Runtime, now: Timestamp) -> Result<()> {
        self.write_listing(runtime, now).await?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(runtime.id).into()))
            .update_expression("SET listed_until = :listed_until")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":listed_until", millis(now + RUNTIME_RETENTION));
        update.send().await.map_err(failed("renew listing"))?;
        Ok(())
    }

    async fn write_listing(&self, runtime: &Runtime, now: Timestamp) -> Result<()> {
        let item = encode(ListingItem::new(runtime, now))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(failed("write listing"))?;
        Ok(())
    }

    /// One write.
    pub(super) async fn write_deregistration(
        &self,
        id: RuntimeId,
        callers: &Workspaces,
        now: Timestamp,
    ) -> Result<DeregisterOutcome> {
        let workspaces = WorkspaceFilter::new(callers);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(id).into()))
            .update_expression("SET deregistered_at = :now")
            .condition_expression(format!("{} AND last_seen_at >= :registered_since", workspaces.condition))
            .set_expression_attribute_values(Some(workspaces.values))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":registered_since", millis(now - RUNTIME_RETENTION));
        Ok(match conditional("deregister", update.send().await)? {
            ConditionalWrite::Applied(_) => DeregisterOutcome::Deregistered,
            ConditionalWrite::ConditionFailed(_) => DeregisterOutcome::NotFound,
        })
    }

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
