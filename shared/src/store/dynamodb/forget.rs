//! Forgetting a runtime: its item and its listing are deleted.

use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, failed};
use super::items::{decode, time};
use super::keys::{Key, number};
use crate::access::Principal;
use crate::runtime::is_registered;
use crate::store::outcome::{ForgetOutcome, Result};

/// What forgetting needs of a runtime's item, so that one with other corrupt attributes can be forgotten.
#[derive(Deserialize)]
struct ForgottenItem {
    workspace_id: WorkspaceId,
    last_seen_at: i64,
    listed_until: i64,
}

impl DynamoDbStore {
    /// One consistent read, then two deletes. The read checks the runtime's workspace, which never changes, so the
    /// deletes need no such condition. A retried delete that finds nothing has succeeded.
    ///
    /// The runtime is deleted before the listing: a crash in between leaves a listing without a runtime, which reads skip.
    pub(super) async fn delete_runtime(
        &self,
        id: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<ForgetOutcome> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Key::runtime(id).into()));
        let output = get.consistent_read(true).send().await.map_err(failed("read runtime"))?;
        let Some(item) = output.item else { return Ok(ForgetOutcome::NotFound) };
        let runtime: ForgottenItem = decode(item)?;
        let workspace = runtime.workspace_id;
        if !caller.workspaces.contains(workspace) || !is_registered(time(runtime.last_seen_at)?, now) {
            return Ok(ForgetOutcome::NotFound);
        }
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(Key::runtime(id).into()));
        delete.send().await.map_err(failed("forget"))?;
        self.delete_listing(Key::listing(workspace, id), time(runtime.listed_until)?).await?;
        Ok(ForgetOutcome::Forgotten)
    }

    /// Deletes the listing of the runtime that was read. A registration writes the listing before the runtime; the listing of a
    /// registration that began in the meantime expires later. It is kept, because its runtime will be written next.
    async fn delete_listing(&self, listing: Key, listed_until: Timestamp) -> Result<()> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(listing.into()))
            .condition_expression("expires_at = :expires_at")
            .expression_attribute_values(":expires_at", number(listed_until.seconds_rounded_up()));
        match conditional("forget listing", delete.send().await)? {
            ConditionalWrite::Applied(_) | ConditionalWrite::ConditionFailed(_) => Ok(()),
        }
    }
}
