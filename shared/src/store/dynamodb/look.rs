//! One query of the range of keys in which something may be handed out: nothing older is read, however much waits there for
//! TTL. What is younger is, results of what was answered meanwhile included, so the range begins no earlier than it must; and it
//! is read in pages, so that a long queue costs no more than a short one.

use std::time::Duration;

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::failed;
use super::expressions::{millis, string};
use super::items::{Item, read};
use super::keys::{Key, last_request_sort, request_sort, runtime_partition};
use crate::id::{ClaimId, RequestId, RuntimeId};
use crate::limits::{CLOCK_SKEW, PENDING_DEADLINE, REDELIVERY_AFTER, RUNNING_DEADLINE};
use crate::request::{Delivery, Kind, Looking, Status};
use crate::store::{Candidate, Result};
use crate::time::Timestamp;

/// How many requests are read at once. As many as wait fit one read unit; and as many heartbeats may come at the same moment
/// and each find one that the others leave.
const PAGE: i32 = 16;

/// Waits, and has not lapsed.
const PENDING: &str = "#status = :pending AND created_at >= :pending_since";

/// The same, or was handed out long enough ago to have arrived, and has not lapsed.
const PENDING_OR_HANDED_OUT: &str = "(#status = :pending AND created_at >= :pending_since) \
     OR (#status = :running AND run_started_at >= :running_since AND updated_at < :arrived_before)";

/// As much of a request as a look reads.
#[derive(Deserialize)]
struct QueuedItem {
    #[serde(flatten)]
    key: Key,
    kind: Kind,
    /// Of what is running only; not read when only what is pending is looked for.
    claim_id: Option<ClaimId>,
}

impl QueuedItem {
    fn candidate(&self, looking: &Looking) -> Option<Candidate> {
        let request = self.key.request_id()?;
        let delivery = match (self.claim_id, looking) {
            (None, _) => Delivery::First,
            (Some(_), Looking::ForPendingAndUndelivered(in_flight)) if in_flight.contains(request) => {
                return None;
            }
            (Some(replaced), _) => Delivery::Again { replaced },
        };
        Some(Candidate { request, kind: self.kind, delivery })
    }
}

impl DynamoDbStore {
    pub(super) async fn candidates(
        &self,
        runtime: RuntimeId,
        looking: &Looking,
        now: Timestamp,
    ) -> Result<Vec<Candidate>> {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut page_start = None;
        loop {
            let output = self.page(runtime, looking, now, page_start).await?;
            for item in output.items.unwrap_or_default() {
                candidates.extend(read::<QueuedItem>(item)?.candidate(looking));
            }
            page_start = output.last_evaluated_key;
            // With a second kind, a look for what only one of them waits for would go to the end of the range.
            let every_kind = Kind::ALL.iter().all(|kind| candidates.iter().any(|found| found.kind == *kind));
            if every_kind || page_start.is_none() {
                return Ok(candidates);
            }
        }
    }

    async fn page(
        &self,
        runtime: RuntimeId,
        looking: &Looking,
        now: Timestamp,
        start: Option<Item>,
    ) -> Result<QueryOutput> {
        let query = match looking {
            Looking::ForPending => self.pending(runtime, now),
            Looking::ForPendingAndUndelivered(_) => self.pending_or_handed_out(runtime, now),
        };
        query.set_exclusive_start_key(start).send().await.map_err(|error| failed("look")(&error))
    }

    fn pending(&self, runtime: RuntimeId, now: Timestamp) -> QueryFluentBuilder {
        let query = self.asked_within(PENDING_DEADLINE, runtime, now);
        query.filter_expression(PENDING).projection_expression("pk, sk, kind")
    }

    /// A request may run until long after it could have been pending, so the range begins that much earlier.
    fn pending_or_handed_out(&self, runtime: RuntimeId, now: Timestamp) -> QueryFluentBuilder {
        self.asked_within(PENDING_DEADLINE + RUNNING_DEADLINE, runtime, now)
            .filter_expression(PENDING_OR_HANDED_OUT)
            .projection_expression("pk, sk, kind, claim_id")
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":running_since", millis(now - RUNNING_DEADLINE))
            .expression_attribute_values(":arrived_before", millis(now - REDELIVERY_AFTER))
    }

    /// The requests not older than `age`, in the order of asking, with what both filters name.
    fn asked_within(&self, age: Duration, runtime: RuntimeId, now: Timestamp) -> QueryFluentBuilder {
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
}
