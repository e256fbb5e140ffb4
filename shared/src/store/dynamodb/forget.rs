//! Forgetting a runtime: its item, its listing and its questions are deleted.

use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, failed};
use super::items::{decode, time};
use super::keys::{Key, number};
use crate::access::Principal;
use crate::runtime::{ShortText, is_registered};
use crate::store::outcome::{ForgetOutcome, Result};

/// What forgetting needs of a runtime's item, so that one with other corrupt attributes can be forgotten.
#[derive(Deserialize)]
struct ForgottenItem {
    workspace_id: WorkspaceId,
    daemon_id: String,
    last_seen_at: i64,
    listed_until: i64,
    #[serde(default)]
    has_questions: bool,
}

impl DynamoDbStore {
    /// One consistent read, then two deletes; three with questions. The read checks the runtime's owner, which never changes, so the
    /// deletes need no such condition. A retried delete that finds nothing has succeeded.
    ///
    /// The runtime is deleted before the listing: a crash in between leaves a listing or questions without a runtime, which
    /// reads skip.
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
        let is_owned = caller.owns(workspace, &ShortText::from_stored(&runtime.daemon_id));
        if !is_owned || !is_registered(time(runtime.last_seen_at)?, now) {
            return Ok(ForgetOutcome::NotFound);
        }
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete.set_key(Some(Key::runtime(id).into()));
        delete.send().await.map_err(failed("forget"))?;
        let listed_until = time(runtime.listed_until)?;
        self.delete_unrenewed(Key::listing(workspace, id), listed_until).await?;
        if runtime.has_questions {
            self.delete_unrenewed(Key::questions(id), listed_until).await?;
        }
        Ok(ForgetOutcome::Forgotten)
    }

    /// Deletes the listing or the questions of the runtime that was read. A registration writes both before the runtime; those of a
    /// registration that began in the meantime expire later. They are kept, because their runtime will be written next.
    async fn delete_unrenewed(&self, key: Key, listed_until: Timestamp) -> Result<()> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key.into()))
            .condition_expression("expires_at = :expires_at")
            .expression_attribute_values(":expires_at", number(listed_until.seconds_rounded_up()));
        match conditional("forget listed", delete.send().await)? {
            ConditionalWrite::Applied(_) | ConditionalWrite::ConditionFailed(_) => Ok(()),
        }
    }
}
