//! The queue of a runtime: the range read of claimable requests, and the claim.
//!
//! Queries only keys young enough to be claimable, so items awaiting TTL cost nothing. Recent results are read too, so the range
//! starts as late as possible. It is read in pages: a long queue costs no more than a short one.

use std::time::Duration;

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};
use doorbell_protocol::{Kind, RequestId, RuntimeId, Status, Timestamp};
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, failed};
use super::history;
use super::items::{RequestItem, decode, request_expiry};
use super::keys::{Item, Key, last_request_sort, millis, number, request_sort, runtime_partition, string};
use crate::access::Principal;
use crate::limits::{CLOCK_SKEW, REDELIVERY_AFTER};
use crate::request::{Address, ClaimFilter, Delivery, LeaseToken, State};
use crate::store::outcome::{Candidate, ClaimOutcome, Result};

/// Requests per page. This many pending ones fit one read unit, and this many concurrent heartbeats find a request each.
const PAGE: i32 = 16;

/// Pending, within its deadline.
const PENDING: &str = "#status = :pending AND created_at >= :pending_since";

/// Pending, or running with a lease old enough to be lost; within its deadline.
const PENDING_OR_LOST: &str = "(#status = :pending AND created_at >= :pending_since) \
     OR (#status = :running AND claimed_at >= :running_since AND updated_at < :delivered_before)";

/// Running with the lease that is replaced, within its deadline. A reported request keeps its lease token, so the status is
/// part of the condition.
const LOST: &str = "#status = :running AND lease_token = :replaced AND updated_at < :delivered_before \
     AND claimed_at >= :running_since";

/// The attributes of a request that the queue reads.
#[derive(Deserialize)]
struct QueuedItem {
    #[serde(flatten)]
    key: Key,
    kind: Kind,
    /// Only running requests have one, and only [`ClaimFilter::PendingOrLost`] reads it.
    lease_token: Option<LeaseToken>,
}

impl QueuedItem {
    fn candidate(&self, filter: &ClaimFilter) -> Option<Candidate> {
        let request = self.key.request_id()?;
        let delivery = match (self.lease_token, filter) {
            (None, _) => Delivery::First,
            (Some(_), ClaimFilter::PendingOrLost(in_flight)) if in_flight.contains(request) => return None,
            (Some(lease), _) => Delivery::Redelivery { lease },
        };
        Some(Candidate { request, kind: self.kind, delivery })
    }
}

impl DynamoDbStore {
    pub(super) async fn read_queue(
        &self,
        runtime: RuntimeId,
        filter: &ClaimFilter,
        now: Timestamp,
    ) -> Result<Vec<Candidate>> {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut page_start = None;
        loop {
            let output = self.read_queue_page(runtime, filter, now, page_start).await?;
            for item in output.items.unwrap_or_default() {
                candidates.extend(decode::<QueuedItem>(item)?.candidate(filter));
            }
            page_start = output.last_evaluated_key;
            // With several kinds, the read goes to the end of the range when one of them has no claimable request.
            let every_kind = Kind::ALL.iter().all(|kind| candidates.iter().any(|found| found.kind == *kind));
            if every_kind || page_start.is_none() {
                return Ok(candidates);
            }
        }
    }

    async fn read_queue_page(
        &self,
        runtime: RuntimeId,
        filter: &ClaimFilter,
        now: Timestamp,
        start: Option<Item>,
    ) -> Result<QueryOutput> {
        let query = match filter {
            ClaimFilter::Pending => self.query_pending(runtime, now),
            ClaimFilter::PendingOrLost(_) => self.query_pending_or_lost(runtime, now),
        };
        query.set_exclusive_start_key(start).send().await.map_err(failed("read queue"))
    }

    fn query_pending(&self, runtime: RuntimeId, now: Timestamp) -> QueryFluentBuilder {
        let query = self.query_created_within(PENDING_DEADLINE, runtime, now);
        query.filter_expression(PENDING).projection_expression("pk, sk, kind")
    }

    fn query_pending_or_lost(&self, runtime: RuntimeId, now: Timestamp) -> QueryFluentBuilder {
        self.query_created_within(PENDING_DEADLINE + RUNNING_DEADLINE, runtime, now)
            .filter_expression(PENDING_OR_LOST)
            .projection_expression("pk, sk, kind, lease_token")
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":running_since", millis(now - RUNNING_DEADLINE))
            .expression_attribute_values(":delivered_before", millis(now - REDELIVERY_AFTER))
    }

    fn query_created_within(&self, age: Duration, runtime: RuntimeId, now: Timestamp) -> QueryFluentBuilder {
        let oldest = RequestId::lower_bound(now - age - CLOCK_SKEW);
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :oldest AND :last")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pk", string(runtime_partition(runtime)))
            .expression_attribute_values(":oldest", string(request_sort(oldest)))
            .expression_attribute_values(":last", string(last_request_sort()))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":pending_since", millis(now - PENDING_DEADLINE))
            .consistent_read(true)
            .limit(PAGE)
    }

    /// One write. DynamoDB applies one of any number of concurrent claims.
    pub(super) async fn write_lease(
        &self,
        address: Address,
        caller: &Principal,
        delivery: Delivery,
        token: LeaseToken,
        now: Timestamp,
    ) -> Result<ClaimOutcome> {
        let update = match delivery {
            Delivery::First => self.first_lease(address, caller, token, now),
            Delivery::Redelivery { lease } => self.replacing_lease(address, caller, lease, token, now),
        };
        let item = match conditional("claim", update.send().await)? {
            ConditionalWrite::Applied(output) => output.attributes.unwrap_or_default(),
            ConditionalWrite::ConditionFailed(None) => return Ok(ClaimOutcome::Lost),
            ConditionalWrite::ConditionFailed(Some(item)) => item,
        };
        let request = decode::<RequestItem>(item)?.request(address.runtime, address.request)?;
        // Finding our own lease token is success: the first try was applied.
        Ok(match request.state {
            State::Running(lease) if lease.token == token => ClaimOutcome::Won(request),
            _ => ClaimOutcome::Lost,
        })
    }

    fn first_lease(
        &self,
        address: Address,
        caller: &Principal,
        token: LeaseToken,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        self.update_lease(address, token, now)
            .update_expression(
                "SET #status = :running, claimed_at = :now, lease_token = :lease_token, attempt = :first, \
                 leases = :leases, updated_at = :now, expires_at = :expires_at",
            )
            .condition_expression(PENDING)
            .expression_attribute_values(":first", number(1))
            .expression_attribute_values(":leases", history::first_delivery(caller, now))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":pending_since", millis(now - PENDING_DEADLINE))
    }

    /// Does not change `claimed_at`, which starts the running deadline.
    fn replacing_lease(
        &self,
        address: Address,
        caller: &Principal,
        replaced: LeaseToken,
        token: LeaseToken,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        self.update_lease(address, token, now)
            .update_expression(format!(
                "SET lease_token = :lease_token, attempt = attempt + :one, {} = :delivery, updated_at = :now, \
                 expires_at = :expires_at",
                history::last_delivery()
            ))
            .condition_expression(LOST)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":delivery", history::delivery(caller, now))
            .expression_attribute_values(":replaced", string(replaced.to_string()))
            .expression_attribute_values(":delivered_before", millis(now - REDELIVERY_AFTER))
            .expression_attribute_values(":running_since", millis(now - RUNNING_DEADLINE))
    }

    fn update_lease(&self, address: Address, token: LeaseToken, now: Timestamp) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(address.runtime, address.request).into()))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":lease_token", string(token.to_string()))
            .expression_attribute_values(":expires_at", number(request_expiry(now)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}
