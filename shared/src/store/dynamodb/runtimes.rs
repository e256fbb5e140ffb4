//! Runtimes: heartbeat, deregister.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::{RuntimeId, Timestamp, WorkspaceId};
use futures_util::future::try_join;

use super::DynamoDbStore;
use super::caller_filter::CallerFilter;
use super::error::{ConditionalWrite, conditional, failed};
use super::items::{ListingItem, RuntimeItem, decode, encode, runtime_expiry};
use super::keys::{Item, Key, millis, number};
use crate::access::Principal;
use crate::limits::RUNTIME_RETENTION;
use crate::presence::{HeartbeatChannel, Presence};
use crate::runtime::Runtime;
use crate::store::outcome::{DeregisterOutcome, HeartbeatOutcome, RecordedHeartbeat, Result};

impl DynamoDbStore {
    /// One write: liveness, access check and open set.
    pub(super) async fn write_heartbeat(
        &self,
        id: RuntimeId,
        caller: &Principal,
        channel: HeartbeatChannel,
        now: Timestamp,
    ) -> Result<HeartbeatOutcome> {
        let item: RuntimeItem = match self.update_last_seen(id, caller, channel, now).await? {
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
        // In the second half of the listing's seven days.
        let listing_is_due = item.listed_until < (now + RUNTIME_RETENTION / 2).millis();
        let (open, workspace) = (item.open(), item.workspace_id);
        let Runtime { daemon_id, presence, .. } = item.runtime(id)?;
        Ok(HeartbeatOutcome::Recorded(RecordedHeartbeat {
            open,
            workspace,
            daemon_id,
            presence,
            listing_is_due,
        }))
    }

    async fn update_last_seen(
        &self,
        id: RuntimeId,
        caller: &Principal,
        channel: HeartbeatChannel,
        now: Timestamp,
    ) -> Result<ConditionalWrite<Item>> {
        let filter = CallerFilter::new(caller);
        let mut values = filter.values;
        let presence = match channel {
            HeartbeatChannel::Plain => {
                let online_until = Presence::plain(now).online_until;
                values.insert(":online_until".to_owned(), millis(online_until));
                ", online_until = :online_until REMOVE push_client_id"
            }
            HeartbeatChannel::Connected => "",
        };
        values.insert(":now".to_owned(), millis(now));
        values.insert(":expires_at".to_owned(), number(runtime_expiry(now)));
        values.insert(":registered_since".to_owned(), millis(now - RUNTIME_RETENTION));
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(id).into()))
            .update_expression(format!("SET last_seen_at = :now, expires_at = :expires_at{presence}"))
            .condition_expression(format!("{} AND last_seen_at >= :registered_since", filter.condition))
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let written = conditional("heartbeat", update.send().await)?;
        Ok(written.map(|output| output.attributes.unwrap_or_default()))
    }

    /// Three updates: listing and questions, then the runtime. A crash in between leaves the renewal due. The first update creates a
    /// listing that is missing; reads skip the listing of a runtime that was deleted in the meantime, and it expires.
    pub(super) async fn write_renewal(
        &self,
        workspace: WorkspaceId,
        id: RuntimeId,
        now: Timestamp,
    ) -> Result<()> {
        let listing = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::listing(workspace, id).into()))
            .update_expression("SET expires_at = :expires_at")
            .expression_attribute_values(":expires_at", number(runtime_expiry(now)));
        let listing = async { listing.send().await.map_err(failed("renew listing")) };
        try_join(listing, self.renew_questions(id, now)).await?;
        let runtime = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(id).into()))
            .update_expression("SET listed_until = :listed_until")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":listed_until", millis(now + RUNTIME_RETENTION));
        match conditional("renew listing", runtime.send().await)? {
            ConditionalWrite::Applied(_) | ConditionalWrite::ConditionFailed(_) => Ok(()),
        }
    }

    pub(super) async fn write_listing(&self, runtime: &Runtime, now: Timestamp) -> Result<()> {
        let item = encode(ListingItem::new(runtime, now))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(failed("write listing"))?;
        Ok(())
    }

    /// One write.
    pub(super) async fn write_deregistration(
        &self,
        id: RuntimeId,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<DeregisterOutcome> {
        let filter = CallerFilter::new(caller);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(id).into()))
            .update_expression("SET online_until = :now REMOVE push_client_id")
            .condition_expression(format!("{} AND last_seen_at >= :registered_since", filter.condition))
            .set_expression_attribute_values(Some(filter.values))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":registered_since", millis(now - RUNTIME_RETENTION));
        Ok(match conditional("deregister", update.send().await)? {
            ConditionalWrite::Applied(_) => DeregisterOutcome::Deregistered,
            ConditionalWrite::ConditionFailed(_) => DeregisterOutcome::NotFound,
        })
    }
}
