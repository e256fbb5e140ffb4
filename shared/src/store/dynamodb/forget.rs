//! Forgetting a runtime: its item and its listing are deleted.

use doorbell_protocol::{RuntimeId, Timestamp};

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, failed};
use super::items::{RuntimeItem, decode};
use super::keys::{Key, number};
use crate::access::Principal;
use crate::store::outcome::{ForgetOutcome, Result};

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
        let item: RuntimeItem = decode(item)?;
        let listed_until = item.listed_until()?;
        let runtime = item.runtime(id)?;
        if !caller.workspaces.contains(runtime.workspace) || !runtime.is_registered(now) {
            return Ok(ForgetOutcome::NotFound);
        }
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(Key::runtime(id).into()));
        delete.send().await.map_err(failed("forget"))?;
        self.delete_listing(Key::listing(runtime.workspace, id), listed_until).await?;
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
