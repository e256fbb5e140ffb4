//! Presence with push: leases, connections, reminders.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::{RuntimeId, Status, Timestamp};
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, corrupt, failed};
use super::items::{RequestItem, RuntimeItem, decode};
use super::keys::{Key, millis, number, runtime_id, string};
use crate::presence::{Presence, PushLease};
use crate::push::ClientId;
use crate::request::{Address, Request};
use crate::store::outcome::{PresenceOutcome, ReminderOutcome, Result};

/// The runtimes that a connection serves or has served.
#[derive(Deserialize)]
struct ConnectionItem {
    runtimes: Vec<RuntimeId>,
}

impl DynamoDbStore {
    /// One write. The new presence is the idempotency token.
    pub(super) async fn write_presence(
        &self,
        runtime: RuntimeId,
        seen: Timestamp,
        presence: &Presence,
    ) -> Result<PresenceOutcome> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(runtime).into()))
            .condition_expression("online_until = :seen")
            .expression_attribute_values(":seen", millis(seen))
            .expression_attribute_values(":online_until", millis(presence.online_until))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match &presence.client {
            Some(client) => update
                .update_expression("SET online_until = :online_until, push_client_id = :client")
                .expression_attribute_values(":client", string(client.as_str())),
            None => update.update_expression("SET online_until = :online_until REMOVE push_client_id"),
        };
        let item = match conditional("replace presence", update.send().await)? {
            ConditionalWrite::Applied(output) => output.attributes,
            ConditionalWrite::ConditionFailed(item) => item,
        };
        // An applied write returns the item that it has written, and so does a retry of it.
        let item = item.map(decode::<RuntimeItem>).transpose()?;
        let Some(item) = item else { return Ok(PresenceOutcome::Changed) };
        let is_ours = item.presence()? == *presence;
        Ok(if is_ours { PresenceOutcome::Replaced(item.open()) } else { PresenceOutcome::Changed })
    }

    /// One write. TTL may delete the item once its leases have ended.
    pub(super) async fn write_connection(
        &self,
        client: &ClientId,
        runtimes: &[RuntimeId],
        until: Timestamp,
    ) -> Result<()> {
        let runtimes = runtimes.iter().map(RuntimeId::to_string).collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::connection(client).into()))
            .update_expression("SET expires_at = :expires_at ADD runtimes :runtimes")
            .expression_attribute_values(":expires_at", number(until.seconds_rounded_up()))
            .expression_attribute_values(":runtimes", AttributeValue::Ss(runtimes));
        update.send().await.map_err(failed("record connection"))?;
        Ok(())
    }

    /// One read of the connection, and one batch read for each 100 of its runtimes.
    pub(super) async fn read_leases(
        &self,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<Vec<(RuntimeId, PushLease)>> {
        let get =
            self.client.get_item().table_name(&self.table).set_key(Some(Key::connection(client).into()));
        let output = get.consistent_read(true).send().await.map_err(failed("read connection"))?;
        let Some(item) = output.item else { return Ok(Vec::new()) };
        let connection: ConnectionItem = decode(item)?;
        let mut leases = Vec::new();
        for item in self.read_batches(connection.runtimes.into_iter().map(Key::runtime).collect()).await? {
            let id = runtime_id(&item).ok_or_else(|| corrupt("a runtime's key"))?;
            let lease = decode::<RuntimeItem>(item)?.runtime(id)?.push_lease(now);
            leases.extend(lease.filter(|lease| lease.client == *client).map(|lease| (id, lease)));
        }
        Ok(leases)
    }

    /// One write, and one read of the runtime.
    pub(super) async fn write_reminder(&self, request: &Request, now: Timestamp) -> Result<ReminderOutcome> {
        let Some(notified_at) = request.notified_at else { return Ok(ReminderOutcome::NotDue) };
        let Address { runtime, request: id } = request.address;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(runtime, id).into()))
            .update_expression("SET notified_at = :now")
            .condition_expression("#status = :pending AND notified_at = :notified_at")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":notified_at", millis(notified_at))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match conditional("take reminder", update.send().await)? {
            ConditionalWrite::Applied(_) => {}
            ConditionalWrite::ConditionFailed(None) => return Ok(ReminderOutcome::NotDue),
            ConditionalWrite::ConditionFailed(Some(item)) => {
                if decode::<RequestItem>(item)?.request(runtime, id)?.notified_at != Some(now) {
                    return Ok(ReminderOutcome::NotDue);
                }
            }
        }
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Key::runtime(runtime).into()));
        let output = get.consistent_read(true).send().await.map_err(failed("read runtime"))?;
        let found = output.item.map(decode::<RuntimeItem>).transpose()?;
        let lease =
            found.map(|item| item.runtime(runtime)).transpose()?.and_then(|found| found.push_lease(now));
        Ok(lease.map_or(ReminderOutcome::NotDue, ReminderOutcome::Taken))
    }
}
