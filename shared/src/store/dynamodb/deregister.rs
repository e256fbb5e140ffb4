//! One write: the runtime is marked as signed off, until it beats or registers again.

use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;

use super::DynamoDbStore;
use super::error::{Write, conditional};
use super::expressions::{Allowed, millis};
use super::keys::Key;
use crate::access::Workspaces;
use crate::id::RuntimeId;
use crate::limits::RUNTIME_RETENTION;
use crate::store::{Deregister, Deregistered, Result};
use crate::time::Timestamp;

impl Deregister for DynamoDbStore {
    async fn deregister(
        &self,
        runtime: RuntimeId,
        allowed: &Workspaces,
        now: Timestamp,
    ) -> Result<Deregistered> {
        let caller = Allowed::new(allowed);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(runtime).into()))
            .update_expression("SET deregistered_at = :now")
            .condition_expression(format!("{} AND last_seen_at >= :known_since", caller.condition))
            .set_expression_attribute_values(Some(caller.values))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":known_since", millis(now - RUNTIME_RETENTION));
        let written: Write<UpdateItemOutput> = conditional("deregister", update.send().await)?;
        Ok(match written {
            Write::Applied(_) => Deregistered::Done,
            Write::Refused(_) => Deregistered::Unknown,
        })
    }
}
