//! Poll and report.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};
use doorbell_protocol::{Status, Timestamp};

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, failed};
use super::history;
use super::items::{RequestItem, decode, request_expiry};
use super::keys::{Item, Key, WorkspaceFilter, millis, number, string};
use super::payload_attribute::PayloadAttribute;
use crate::access::Principal;
use crate::request::{Address, Request, RequestOutcome, State, TimeoutReason};
use crate::store::outcome::{PollOutcome, ReportOutcome, Result};

/// Open, within its deadline.
const OPEN: &str = "((#status = :pending AND created_at >= :pending_since) \
                     OR (#status = :running AND claimed_at >= :running_since))";

impl DynamoDbStore {
    /// One consistent read; one write when a deadline has passed.
    pub(super) async fn read_request(
        &self,
        address: Address,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<PollOutcome> {
        // Consistent, because an eventually consistent read can miss a new request, and clients stop at the first 404.
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(address.runtime, address.request).into()));
        let output = get.consistent_read(true).send().await.map_err(failed("poll"))?;
        let request = output.item.map(|item| decode_request(item, address)).transpose()?;
        let Some(request) = request.filter(|request| is_visible(request, address, caller, now)) else {
            return Ok(PollOutcome::NotFound);
        };
        match request.timeout_reason(now) {
            None => Ok(PollOutcome::Found(request)),
            Some(reason) => self.write_timeout(&request, reason, now).await,
        }
    }

    /// Conditional on the state that was read. If it has changed, the stored state is returned, so that nodes with different clocks
    /// agree. A retry recognizes its first try by `updated_at`.
    async fn write_timeout(
        &self,
        read: &Request,
        reason: TimeoutReason,
        now: Timestamp,
    ) -> Result<PollOutcome> {
        let address = read.address;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(address.runtime, address.request).into()))
            .update_expression(
                "SET #status = :timeout, #error = :error, updated_at = :now, expires_at = :expires_at",
            )
            .condition_expression("#status = :status_read AND updated_at = :updated_at_read")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#error", "error")
            .expression_attribute_values(":timeout", string(Status::Timeout.as_str()))
            .expression_attribute_values(":error", string(reason.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", number(request_expiry(now)))
            .expression_attribute_values(":status_read", string(read.state.status().as_str()))
            .expression_attribute_values(":updated_at_read", millis(read.updated_at))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let item = match conditional("time out", update.send().await)? {
            ConditionalWrite::Applied(output) => output.attributes,
            ConditionalWrite::ConditionFailed(item) => item,
        };
        let Some(item) = item else { return Ok(PollOutcome::NotFound) };
        let request = decode_request(item, address)?;
        let ours = request.state == State::Timeout(reason) && request.updated_at == now;
        Ok(if ours { PollOutcome::TimedOut(request) } else { PollOutcome::Found(request) })
    }

    /// One write, if the request is open.
    pub(super) async fn write_report(
        &self,
        address: Address,
        caller: &Principal,
        outcome: &RequestOutcome,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        let request = match self.update_outcome(address, caller, outcome, now).await? {
            ConditionalWrite::Applied(old) => {
                return Ok(ReportOutcome::Recorded { created_at: decode_request(old, address)?.created_at });
            }
            ConditionalWrite::ConditionFailed(None) => return Ok(ReportOutcome::NotFound),
            ConditionalWrite::ConditionFailed(Some(item)) => decode_request(item, address)?,
        };
        if is_visible(&request, address, caller, now) {
            Ok(ReportOutcome::of_closed(&request, outcome, now))
        } else {
            Ok(ReportOutcome::NotFound)
        }
    }

    async fn update_outcome(
        &self,
        address: Address,
        caller: &Principal,
        outcome: &RequestOutcome,
        now: Timestamp,
    ) -> Result<ConditionalWrite<Item>> {
        let workspaces = WorkspaceFilter::new(&caller.workspaces);
        let (attribute, body) = match outcome {
            RequestOutcome::Completed(payload) => PayloadAttribute::from(payload).into_name_and_value(),
            RequestOutcome::Failed(error) => ("error", string(error.as_str())),
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(address.runtime, address.request).into()))
            .update_expression(
                "SET #status = :status, #body = :body, reported_by = :reported_by, updated_at = :now, \
                 expires_at = :expires_at",
            )
            .condition_expression(format!("{} AND kind = :kind AND {OPEN}", workspaces.condition))
            .set_expression_attribute_values(Some(workspaces.values))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#body", attribute)
            .expression_attribute_values(":status", string(outcome.status().as_str()))
            .expression_attribute_values(":body", body)
            .expression_attribute_values(":reported_by", history::subject(caller))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", number(request_expiry(now)))
            .expression_attribute_values(":kind", string(address.kind.as_str()))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":pending_since", millis(now - PENDING_DEADLINE))
            .expression_attribute_values(":running_since", millis(now - RUNNING_DEADLINE))
            // The old item costs nothing and is small; the new one contains the whole result.
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let written = conditional("report", update.send().await)?;
        Ok(written.map(|output| output.attributes.unwrap_or_default()))
    }
}

fn decode_request(item: Item, address: Address) -> Result<Request> {
    decode::<RequestItem>(item)?.request(address.runtime, address.request)
}

fn is_visible(request: &Request, address: Address, caller: &Principal, now: Timestamp) -> bool {
    request.address == address && caller.workspaces.contains(request.workspace) && request.is_readable(now)
}
