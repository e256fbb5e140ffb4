//! Poll, report, progress and cancellation.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::{Json, Status, Timestamp};
use futures_util::future;

use super::DynamoDbStore;
use super::caller_filter::CallerFilter;
use super::error::{ConditionalWrite, conditional, failed};
use super::history;
use super::items::{RequestItem, decode};
use super::keys::{Item, Key, millis, number, string};
use super::payload_attribute::PayloadAttribute;
use crate::access::Principal;
use crate::catalog::CatalogUpdate;
use crate::request::{Address, KindFilter, OpenRequest, Request, RequestOutcome, State, TimeoutReason};
use crate::store::outcome::{CancelOutcome, PollOutcome, ProgressOutcome, ReportOutcome, Result};

/// Open, within its deadline.
const OPEN: &str =
    "((#status = :pending AND claim_by >= :now) OR (#status = :running AND report_by >= :now))";

/// Running, within its deadline.
const RUNNING: &str = "#status = :running AND report_by >= :now";

impl DynamoDbStore {
    /// One consistent read; one write when a deadline has passed.
    pub(super) async fn read_request(
        &self,
        address: Address,
        kinds: KindFilter,
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
        let Some(request) = request.filter(|request| is_visible(request, kinds, caller, now)) else {
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
                "SET #status = :timeout, timeout_reason = :reason, updated_at = :now, \
                 expires_at = :now_s + retention_s",
            )
            .condition_expression("#status = :status_read AND updated_at = :updated_at_read")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":timeout", string(Status::Timeout.as_str()))
            .expression_attribute_values(":reason", string(reason.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":now_s", number(now.seconds_rounded_up()))
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
        if ours {
            self.remove_closed(address.runtime, OpenRequest::of(&request)).await;
        }
        Ok(if ours { PollOutcome::TimedOut(request) } else { PollOutcome::Found(request) })
    }

    /// Two writes, if the request is open, and one more that updates the catalog. The outcome comes first: if only the removal were
    /// applied, a daemon that crashed would never get the request again, and only a recorded report may update the catalog. A repeated
    /// report updates it again, because the first one may have failed to.
    pub(super) async fn write_report(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        outcome: &RequestOutcome,
        catalog: CatalogUpdate,
        now: Timestamp,
    ) -> Result<ReportOutcome> {
        let body = OutcomeBody::from(outcome);
        let request = match self.update_outcome(address, kinds, caller, &body, now).await? {
            ConditionalWrite::Applied(old) => {
                let request = decode_request(old, address)?;
                let removal = self.remove_closed(address.runtime, OpenRequest::of(&request));
                let update = self.update_catalog(&request, body, catalog, now);
                let ((), updated) = future::join(removal, update).await;
                updated?;
                return Ok(ReportOutcome::Recorded { created_at: request.created_at });
            }
            ConditionalWrite::ConditionFailed(None) => return Ok(ReportOutcome::NotFound),
            ConditionalWrite::ConditionFailed(Some(item)) => decode_request(item, address)?,
        };
        if !is_visible(&request, kinds, caller, now) {
            return Ok(ReportOutcome::NotFound);
        }
        let reported = ReportOutcome::of_closed(&request, outcome, now);
        if matches!(reported, ReportOutcome::Recorded { .. } | ReportOutcome::Duplicate) {
            self.update_catalog(&request, body, catalog, request.updated_at).await?;
        }
        Ok(reported)
    }

    /// The update of a report on `request` that was recorded at `reported_at`.
    async fn update_catalog(
        &self,
        request: &Request,
        body: OutcomeBody,
        update: CatalogUpdate,
        reported_at: Timestamp,
    ) -> Result<()> {
        let result = match (update, body) {
            (CatalogUpdate::Keep, _) => return Ok(()),
            (CatalogUpdate::Replace, OutcomeBody::Completed(result)) => Some(result),
            (CatalogUpdate::Replace | CatalogUpdate::Delete, _) => None,
        };
        self.write_snapshot(request.address.runtime, request.kind, result, reported_at).await
    }

    async fn update_outcome(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        body: &OutcomeBody,
        now: Timestamp,
    ) -> Result<ConditionalWrite<Item>> {
        let (attribute, value) = match body {
            OutcomeBody::Completed(result) => result.clone().into_name_and_value(),
            OutcomeBody::Failed(error) => ("error", string(error)),
        };
        let update = self
            .update_open(address, kinds, caller, now)
            .update_expression(
                "SET #status = :status, #body = :body, reported_by = :reported_by, updated_at = :now, \
                 expires_at = :now_s + retention_s REMOVE progress",
            )
            .expression_attribute_names("#body", attribute)
            .expression_attribute_values(":status", string(body.status().as_str()))
            .expression_attribute_values(":body", value)
            .expression_attribute_values(":reported_by", history::subject(caller))
            // The old item costs nothing and is small; the new one contains the whole result.
            .return_values(ReturnValue::AllOld);
        let written = conditional("report", update.send().await)?;
        Ok(written.map(|output| output.attributes.unwrap_or_default()))
    }

    /// Two writes, if the request is open.
    pub(super) async fn write_cancellation(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<CancelOutcome> {
        let update = self
            .update_open(address, kinds, caller, now)
            .update_expression(
                "SET #status = :status, cancelled = :cancelled, cancelled_by = :cancelled_by, \
                 updated_at = :now, expires_at = :now_s + retention_s",
            )
            .expression_attribute_values(":status", string(Status::Failed.as_str()))
            .expression_attribute_values(":cancelled", AttributeValue::Bool(true))
            .expression_attribute_values(":cancelled_by", history::subject(caller))
            .return_values(ReturnValue::AllNew);
        let request = match conditional("cancel", update.send().await)? {
            ConditionalWrite::Applied(output) => {
                let request = decode_request(output.attributes.unwrap_or_default(), address)?;
                self.remove_closed(address.runtime, OpenRequest::of(&request)).await;
                return Ok(CancelOutcome::Cancelled(request));
            }
            ConditionalWrite::ConditionFailed(None) => return Ok(CancelOutcome::NotFound),
            ConditionalWrite::ConditionFailed(Some(item)) => decode_request(item, address)?,
        };
        if !is_visible(&request, kinds, caller, now) {
            return Ok(CancelOutcome::NotFound);
        }
        let Some(reason) = request.timeout_reason(now) else {
            // The removal of an earlier try may be lost, and heartbeats do not show a cancellation while the id is in the set.
            if request.state == State::Cancelled {
                self.remove_closed(address.runtime, OpenRequest::of(&request)).await;
            }
            return Ok(CancelOutcome::of_ended(request, now));
        };
        Ok(match self.write_timeout(&request, reason, now).await? {
            PollOutcome::Found(request) | PollOutcome::TimedOut(request) => {
                CancelOutcome::of_ended(request, now)
            }
            PollOutcome::NotFound => CancelOutcome::NotFound,
        })
    }

    /// An update of a request that is open, visible to the caller and of one of `kinds`.
    fn update_open(
        &self,
        address: Address,
        kinds: KindFilter,
        caller: &Principal,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        let CallerFilter { mut condition, values } = CallerFilter::new(caller);
        condition.push_str(" AND ");
        condition.push_str(OPEN);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(address.runtime, address.request).into()))
            .set_expression_attribute_values(Some(values))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":now_s", number(now.seconds_rounded_up()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match kinds {
            KindFilter::Any => update.condition_expression(condition),
            KindFilter::Only(kind) => update
                .condition_expression(format!("{condition} AND kind = :kind"))
                .expression_attribute_values(":kind", string(kind.as_str())),
            KindFilter::Except(kinds) => {
                let names: Vec<String> = (0..kinds.len()).map(|index| format!(":kind{index}")).collect();
                let update = update
                    .condition_expression(format!("{condition} AND NOT kind IN ({})", names.join(", ")));
                names.into_iter().zip(kinds).fold(update, |update, (name, kind)| {
                    update.expression_attribute_values(name, string(kind.as_str()))
                })
            }
        }
    }

    /// One write, if the request is running.
    pub(super) async fn write_progress(
        &self,
        address: Address,
        caller: &Principal,
        progress: &Json,
        now: Timestamp,
    ) -> Result<ProgressOutcome> {
        let filter = CallerFilter::new(caller);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(address.runtime, address.request).into()))
            .update_expression(
                "SET progress = :progress, updated_at = :now, expires_at = :now_s + retention_s",
            )
            .condition_expression(format!("{} AND {RUNNING}", filter.condition))
            .set_expression_attribute_values(Some(filter.values))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":progress", string(progress.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":now_s", number(now.seconds_rounded_up()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // A retry of an applied write meets its condition again, or finds what came after it.
        let request = match conditional("report progress", update.send().await)? {
            ConditionalWrite::Applied(_) => return Ok(ProgressOutcome::Recorded),
            ConditionalWrite::ConditionFailed(None) => return Ok(ProgressOutcome::NotFound),
            ConditionalWrite::ConditionFailed(Some(item)) => decode_request(item, address)?,
        };
        if is_visible(&request, KindFilter::Any, caller, now) {
            Ok(ProgressOutcome::of_not_running(&request))
        } else {
            Ok(ProgressOutcome::NotFound)
        }
    }
}

/// An outcome as it is stored. Compressed once, for the request and for the catalog.
enum OutcomeBody {
    Completed(PayloadAttribute),
    Failed(String),
}

impl From<&RequestOutcome> for OutcomeBody {
    fn from(outcome: &RequestOutcome) -> Self {
        match outcome {
            RequestOutcome::Completed(payload) => Self::Completed(PayloadAttribute::from(payload)),
            RequestOutcome::Failed(error) => Self::Failed(error.as_str().to_owned()),
        }
    }
}

impl OutcomeBody {
    fn status(&self) -> Status {
        match self {
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
        }
    }
}

fn decode_request(item: Item, address: Address) -> Result<Request> {
    decode::<RequestItem>(item)?.request(address.runtime, address.request)
}

fn is_visible(request: &Request, kinds: KindFilter, caller: &Principal, now: Timestamp) -> bool {
    let is_owned = caller.owns(request.workspace, &request.daemon_id);
    kinds.matches(request.kind) && is_owned && request.is_readable(now)
}
