//! One write, conditional on the request being open.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::DynamoDbStore;
use super::error::{Write, conditional};
use super::expressions::{Allowed, millis, number, string};
use super::items::{Item, request, request_expiry};
use super::keys::Key;
use super::stored_result::StoredResult;
use crate::access::Workspaces;
use crate::limits::{PENDING_DEADLINE, RUNNING_DEADLINE};
use crate::request::{Address, Outcome, Status};
use crate::store::{Report, Reported, Result};
use crate::time::Timestamp;

/// Besides workspace and kind: open, and not lapsed, whether or not anyone has written the lapse down.
const OPEN: &str = "((#status = :pending AND created_at >= :pending_since) \
                     OR (#status = :running AND run_started_at >= :running_since))";

impl Report for DynamoDbStore {
    async fn report(
        &self,
        address: Address,
        allowed: &Workspaces,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Reported> {
        let stands = match self.write_outcome(address, allowed, outcome, now).await? {
            Write::Applied(was) => return Ok(Reported::Recorded { created_at: request(was)?.created_at }),
            Write::Refused(None) => return Ok(Reported::Unknown),
            Write::Refused(Some(stands)) => request(stands)?,
        };
        let visible =
            stands.address == address && allowed.contains(stands.workspace) && stands.is_readable(now);
        Ok(if visible { Reported::of_ended(&stands, outcome, now) } else { Reported::Unknown })
    }
}

impl DynamoDbStore {
    async fn write_outcome(
        &self,
        at: Address,
        allowed: &Workspaces,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<Write<Item>> {
        let caller = Allowed::new(allowed);
        let (attribute, body) = match outcome {
            Outcome::Completed(result) => StoredResult::from(result).into_attribute(),
            Outcome::Failed(error) => ("error", string(error.as_str())),
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::request(at).into()))
            .update_expression(
                "SET #status = :status, #body = :body, updated_at = :now, expires_at = :expires_at",
            )
            .condition_expression(format!("{} AND kind = :kind AND {OPEN}", caller.condition))
            .set_expression_attribute_values(Some(caller.values))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#body", attribute)
            .expression_attribute_values(":status", string(outcome.status().as_str()))
            .expression_attribute_values(":body", body)
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":expires_at", number(request_expiry(now)))
            .expression_attribute_values(":kind", string(at.kind.as_str()))
            .expression_attribute_values(":pending", string(Status::Pending.as_str()))
            .expression_attribute_values(":running", string(Status::Running.as_str()))
            .expression_attribute_values(":pending_since", millis(now - PENDING_DEADLINE))
            .expression_attribute_values(":running_since", millis(now - RUNNING_DEADLINE))
            // As it was, which costs no unit: as it is, the result would come all the way back.
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match conditional("report", update.send().await)? {
            Write::Applied(output) => Write::Applied(output.attributes.unwrap_or_default()),
            Write::Refused(item) => Write::Refused(item),
        })
    }
}
