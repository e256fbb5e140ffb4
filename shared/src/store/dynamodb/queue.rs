//! The queue of a runtime: claims, and the removal of ids from the open set.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::{RequestId, RuntimeId, Status, Timestamp};

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional};
use super::history;
use super::items::{RequestItem, decode};
use super::keys::{Key, millis, number, request_id, string};
use crate::access::Principal;
use crate::limits::{OPEN_REMOVAL_TIMEOUT, REDELIVERY_AFTER};
use crate::request::{Address, ClaimFilter, LeaseToken, OpenRequest, State};
use crate::store::outcome::{ClaimOutcome, Result};

/// Pending, within its deadline.
const PENDING: &str = "#status = :pending AND claim_by >= :now";

/// Pending, or running with a lease old enough to be lost; within its deadline. A reported request keeps its lease, so the status is
/// part of the condition.
const PENDING_OR_LOST: &str = "(#status = :pending AND claim_by >= :now) \
     OR (#status = :running AND report_by >= :now AND leased_at < :leased_before)";

impl DynamoDbStore {
    /// One write. DynamoDB applies one of any number of concurrent claims.
    ///
    /// The first claim sets `claimed_at`, and with it `report_by`; a redelivery finds both.
    pub(super) async fn write_lease(
        &self,
        address: Address,
        caller: &Principal,
        filter: ClaimFilter,
        token: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(address.runtime, address.request).into()))
            .update_expression(format!(
                "SET #status = :running, claimed_at = if_not_exists(claimed_at, :now), \
                 report_by = if_not_exists(claimed_at, :now) + running_ms, leased_at = :now, \
                 lease_token = :lease_token, attempt = if_not_exists(attempt, :zero) + :one, \
                 {} = :delivery, updated_at = :now, expires_at = :now_s + retention_s",
                history::last_delivery()
            ))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":now_s", number(now.seconds_rounded_up()))
            .expression_attribute_values(":lease_token", string(token.to_string()))
            .expression_attribute_values(":zero", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":delivery", history::delivery(caller, now))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = match filter {
            ClaimFilter::Pending => update.condition_expression(PENDING),
            ClaimFilter::PendingOrLost => update
                .condition_expression(PENDING_OR_LOST)
                .expression_attribute_values(":leased_before", millis(now - REDELIVERY_AFTER)),
        };
        let item = match conditional("claim", update.send().await)? {
            ConditionalWrite::Applied(output) => output.attributes.unwrap_or_default(),
            ConditionalWrite::ConditionFailed(None) => return Ok(ClaimOutcome::Missing),
            ConditionalWrite::ConditionFailed(Some(item)) => item,
        };
        let request = decode::<RequestItem>(item)?.request(address.runtime, address.request)?;
        // Finding our own lease token is success: the first try was applied.
        Ok(match request.state {
            State::Running(lease) if lease.token == token => ClaimOutcome::Won(request),
            _ => ClaimOutcome::of_unclaimable(&request, now),
        })
    }

    /// One write.
    pub(super) async fn write_removal(&self, runtime: RuntimeId, ended: &[OpenRequest]) -> Result<()> {
        if ended.is_empty() {
            return Ok(());
        }
        self.remove_entries(runtime, ended.iter().map(OpenRequest::to_string).collect()).await
    }

    /// One write. Conditional, so that it does not create the item of a runtime that was forgotten. A retry removes nothing more.
    pub(super) async fn remove_entries(&self, runtime: RuntimeId, entries: Vec<String>) -> Result<()> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(runtime).into()))
            .update_expression("DELETE #open :ended")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#open", "open")
            .expression_attribute_values(":ended", AttributeValue::Ss(entries));
        match conditional("remove from open set", update.send().await)? {
            ConditionalWrite::Applied(_) | ConditionalWrite::ConditionFailed(_) => Ok(()),
        }
    }

    /// Removes the id of a request that has just ended, or that a ring does not create. A failure is only logged: a heartbeat or a ring
    /// finds the id and removes it.
    pub(super) async fn remove_closed(&self, runtime: RuntimeId, closed: OpenRequest) {
        let closed = [closed];
        match tokio::time::timeout(OPEN_REMOVAL_TIMEOUT, self.write_removal(runtime, &closed)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "id not removed from the open set"),
            Err(_) => tracing::warn!("removal from the open set timed out"),
        }
    }

    /// One batch read for each 100 requests.
    pub(super) async fn read_cancelled(
        &self,
        runtime: RuntimeId,
        requests: &[RequestId],
        now: Timestamp,
    ) -> Result<Vec<RequestId>> {
        let keys = requests.iter().map(|request| Key::request(runtime, *request)).collect();
        let mut cancelled = Vec::new();
        for item in self.read_batches(keys).await? {
            let Some(id) = request_id(&item) else { continue };
            let request = decode::<RequestItem>(item)?.request(runtime, id)?;
            if request.state == State::Cancelled && request.is_readable(now) {
                cancelled.push(id);
            }
        }
        Ok(cancelled)
    }
}
