//! Two writes for a runtime: the listing, then the runtime. In this order a crash in between leaves a listing of nothing,
//! which reads pass over, and never a runtime that is not listed. Both are upserts, so a retry does no harm.

use aws_sdk_dynamodb::types::ReturnValue;

use super::DynamoDbStore;
use super::error::failed;
use super::expressions::{millis, number, string};
use super::items::{ListingItem, RuntimeItem, read, runtime_expiry, write};
use super::keys::Key;
use crate::limits::RUNTIME_RETENTION;
use crate::runtime::{Registration, Runtime};
use crate::store::{Register, Result};
use crate::time::Timestamp;

impl Register for DynamoDbStore {
    async fn register(&self, registration: Registration, now: Timestamp) -> Result<Runtime> {
        let runtime = Runtime::registered(registration, None, now);
        self.list(&runtime, now).await?;
        self.upsert(&runtime, now).await
    }
}

impl DynamoDbStore {
    /// Lists the runtime anew, and notes on the runtime how long that holds.
    pub(super) async fn renew_listing(&self, runtime: &Runtime, now: Timestamp) -> Result<()> {
        self.list(runtime, now).await?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(runtime.id).into()))
            .update_expression("SET listed_until = :listed_until")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":listed_until", millis(now + RUNTIME_RETENTION));
        update.send().await.map_err(|error| failed("renew listing")(&error))?;
        Ok(())
    }

    async fn list(&self, runtime: &Runtime, now: Timestamp) -> Result<()> {
        let item = write(ListingItem::new(runtime, now))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(|error| failed("list runtime")(&error))?;
        Ok(())
    }

    /// Keeps the first registration's date, and attention drawn since.
    async fn upsert(&self, runtime: &Runtime, now: Timestamp) -> Result<Runtime> {
        let signed_off = match runtime.deregistered_at {
            Some(_) => ", deregistered_at = :now",
            None => " REMOVE deregistered_at",
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(runtime.id).into()))
            .update_expression(format!(
                "SET workspace_id = :workspace_id, daemon_id = :daemon_id, provider = :provider, #name = :name, \
                 registered_at = if_not_exists(registered_at, :now), last_seen_at = :now, \
                 listed_until = :listed_until, expires_at = :expires_at{signed_off}"
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
        let output = update.send().await.map_err(|error| failed("register")(&error))?;
        Runtime::try_from(read::<RuntimeItem>(output.attributes.unwrap_or_default())?)
    }
}
