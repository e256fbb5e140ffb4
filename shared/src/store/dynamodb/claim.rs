//! One write: pending becomes running, or one claim replaces another. Of any number at once DynamoDB applies one.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::DynamoDbStore;
use super::error::{Write, conditional};
use super::expressions::{millis, number, string};
use super::items::{Item, request_expiry};
use super::keys::Key;
use crate::id::ClaimId;
use crate::limits::{PENDING_DEADLINE, REDELIVERY_AFTER, RUNNING_DEADLINE};
use crate::request::{Address, Delivery, Status};
use crate::store::Result;
use crate::time::Timestamp;

/// Waits, and has not lapsed.
const PENDING: &str = "#status = :pending AND created_at >= :pending_since";

/// Runs by the very claim that is replaced, which has had its time to arrive, and has not lapsed. An answered request keeps
/// its claim, so the status is asked for as well.
const UNDELIVERED: &str = "#status = :running AND claim_id = :replaced AND updated_at < :arrived_before \
     AND run_started_at >= :running_since";

impl DynamoDbStore {
    pub(super) async fn try_claim(
        &self,
        at: Address,
        delivery: Delivery,
        claim: ClaimId,
        now: Timestamp,
    ) -> Result<Write<Item>> {
        let update = match delivery {
            Delivery::First => self.first_claim(at, claim, now),
            Delivery::Again { replaced } => self.replacing_claim(at, replaced, claim, now),
        };
        Ok(match conditional("claim", update.send().await)? {
            Write::Applied(output) => Write::Applied(output.attributes.unwrap_or_default()),
            Write::Refused(item) => Write::Refused(item),
        })
    }

    fn first_claim(&self, at: Address, claim: ClaimId, now: Timestamp) -> UpdateItemFluentBuilder {
        self.claim_of(at, claim, now)
            .update_expression(
                "SET #status = :running, run_started_at = :now, claim_id = :claim_id, attempt = :first, \
                 updated_at = :now, expires_at = :expires_at",
            )
            .condition_expression(PENDING)
            .expression_attribute_values(":first", number(1))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":pending_since", millis(now - PENDING_DEADLINE))
    }

    /// Leaves the start of the run as it is.
    fn replacing_claim(
        &self,
        at: Address,
        replaced: ClaimId,
        claim: ClaimId,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        self.claim_of(at, claim, now)
            .update_expression(
                "SET claim_id = :claim_id, attempt = attempt + :one, updated_at = :now, expires_at = :expires_at",
            )
            .condition_expression(UNDELIVERED)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":replaced", string(replaced.to_string()))
            .expression_attribute_values(":arrived_before", millis(now - REDELIVERY_AFTER))
            .expression_attribute_values(":running_since", millis(now - RUNNING_DEADLINE))
    }

    /// What both have in common: the mark, and the item as it stands either way.
    fn claim_of(&self, at: Address, claim: ClaimId, now: Timestamp) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(at).into()))
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":claim_id", string(claim.to_string()))
            .expression_attribute_values(":expires_at", number(request_expiry(now)))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}
