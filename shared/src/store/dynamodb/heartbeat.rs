//! Idle: one write, which is liveness, access check and look for work at once. With work: one query and one claim more.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::{Write, conditional, failed};
use super::expressions::{Allowed, millis, number, string};
use super::items::{Item, RequestItem, RuntimeItem, read, request_expiry, runtime_expiry};
use super::keys::{Key, last_request_sort, request_sort, runtime_partition};
use crate::access::Workspaces;
use crate::id::{ClaimId, RequestId, RuntimeId};
use crate::limits::{CLOCK_SKEW, PENDING_DEADLINE, RUNTIME_RETENTION};
use crate::request::{Address, Kind, Request, State, Status};
use crate::runtime::Runtime;
use crate::store::{Beat, Candidate, Claim, Heartbeat, Result};
use crate::time::Timestamp;

/// A claim may be made of what waits and has not lapsed.
const CLAIMABLE: &str = "#status = :pending AND created_at >= :pending_since";

impl Heartbeat for DynamoDbStore {
    async fn beat(&self, runtime: RuntimeId, allowed: &Workspaces, now: Timestamp) -> Result<Beat> {
        let item: RuntimeItem = match self.note_life(runtime, allowed, now).await? {
            Write::Applied(item) => read(item)?,
            Write::Refused(None) => return Ok(Beat::Unknown),
            Write::Refused(Some(item)) => {
                let runtime = Runtime::try_from(read::<RuntimeItem>(item)?)?;
                return Ok(if runtime.is_known(now) { Beat::Foreign } else { Beat::Unknown });
            }
        };
        let attention = item.attention_until.is_some_and(|until| until >= now.millis());
        self.renew_listing_if_due(item, now).await;
        Ok(Beat::Recorded { attention })
    }

    async fn look(&self, runtime: RuntimeId, now: Timestamp) -> Result<Vec<Candidate>> {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut page_start = None;
        loop {
            let output = self.pending_page(runtime, now, page_start).await?;
            for item in output.items.unwrap_or_default() {
                candidates.extend(read::<QueuedItem>(item)?.candidate());
            }
            page_start = output.last_evaluated_key;
            let every_kind = Kind::ALL.iter().all(|kind| candidates.iter().any(|found| found.kind == *kind));
            if every_kind || page_start.is_none() {
                return Ok(candidates);
            }
        }
    }

    async fn claim(&self, address: Address, claim: ClaimId, now: Timestamp) -> Result<Claim> {
        let item = match self.try_claim(address, claim, now).await? {
            Write::Applied(item) => item,
            Write::Refused(None) => return Ok(Claim::Lost),
            Write::Refused(Some(item)) => item,
        };
        let request = Request::try_from(read::<RequestItem>(item)?)?;
        // The mark says whose the claim is, also when the condition failed on our own first try.
        match request.state {
            State::Running(run) if run.claim == claim => Ok(Claim::Won(request)),
            _ => Ok(Claim::Lost),
        }
    }
}

/// As much of a request as a look reads.
#[derive(Deserialize)]
struct QueuedItem {
    #[serde(flatten)]
    key: Key,
    kind: Kind,
}

impl QueuedItem {
    fn candidate(&self) -> Option<Candidate> {
        self.key.request_id().map(|request| Candidate { request, kind: self.kind })
    }
}

impl DynamoDbStore {
    async fn note_life(&self, id: RuntimeId, allowed: &Workspaces, now: Timestamp) -> Result<Write<Item>> {
        let caller = Allowed::new(allowed);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(id).into()))
            .update_expression("SET last_seen_at = :now, expires_at = :expires_at REMOVE deregistered_at")
            .condition_expression(format!("{} AND last_seen_at >= :known_since", caller.condition))
            .set_expression_attribute_values(Some(caller.values))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", number(runtime_expiry(now)))
            .expression_attribute_values(":known_since", millis(now - RUNTIME_RETENTION))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match conditional("heartbeat", update.send().await)? {
            Write::Applied(output) => Write::Applied(output.attributes.unwrap_or_default()),
            Write::Refused(item) => Write::Refused(item),
        })
    }

    /// A listing lives as long as a runtime that is never seen again, so a runtime that is seen must renew it: twice
    /// a week, and again with the next beat when it fails, which is why a failure is only logged.
    async fn renew_listing_if_due(&self, item: RuntimeItem, now: Timestamp) {
        let due = now + RUNTIME_RETENTION / 2;
        if item.listed_until >= due.millis() {
            return;
        }
        let renewed = match Runtime::try_from(item) {
            Ok(runtime) => self.renew_listing(&runtime, now).await,
            Err(error) => Err(error),
        };
        if let Err(error) = renewed {
            tracing::warn!(%error, "listing not renewed");
        }
    }

    /// What may be pending starts at a time, so a look reads nothing older, however much waits there for TTL.
    async fn pending_page(
        &self,
        runtime: RuntimeId,
        now: Timestamp,
        start: Option<Item>,
    ) -> Result<aws_sdk_dynamodb::operation::query::QueryOutput> {
        let oldest = RequestId::lower_bound(now - PENDING_DEADLINE - CLOCK_SKEW);
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :oldest AND :last")
            .filter_expression(CLAIMABLE)
            .projection_expression("pk, sk, kind")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":pk", string(runtime_partition(runtime)))
            .expression_attribute_values(":oldest", string(request_sort(oldest)))
            .expression_attribute_values(":last", string(last_request_sort()))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":pending_since", millis(now - PENDING_DEADLINE))
            .consistent_read(true)
            .set_exclusive_start_key(start);
        query.send().await.map_err(|error| failed("look")(&error))
    }

    async fn try_claim(&self, at: Address, claim: ClaimId, now: Timestamp) -> Result<Write<Item>> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(at).into()))
            .update_expression(
                "SET #status = :running, run_started_at = :now, claim_id = :claim_id, attempt = :first, \
                 updated_at = :now, expires_at = :expires_at",
            )
            .condition_expression(CLAIMABLE)
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":claim_id", string(claim.to_string()))
            .expression_attribute_values(":first", number(1))
            .expression_attribute_values(":expires_at", number(request_expiry(now)))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":pending_since", millis(now - PENDING_DEADLINE))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match conditional("claim", update.send().await)? {
            Write::Applied(output) => Write::Applied(output.attributes.unwrap_or_default()),
            Write::Refused(item) => Write::Refused(item),
        })
    }
}
