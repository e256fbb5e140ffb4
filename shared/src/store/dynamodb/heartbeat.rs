//! Idle: one write, which is liveness, access check and look for work at once. With work: one query (`look`) and one claim
//! (`claim`) more.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::DynamoDbStore;
use super::error::{Write, conditional};
use super::expressions::{Allowed, millis, number};
use super::items::{Item, RequestItem, RuntimeItem, read, runtime_expiry};
use super::keys::Key;
use crate::access::Workspaces;
use crate::id::{ClaimId, RuntimeId};
use crate::limits::RUNTIME_RETENTION;
use crate::request::{Address, Delivery, Looking, Request, State};
use crate::runtime::Runtime;
use crate::store::{Beat, Candidate, Claim, Heartbeat, Result};
use crate::time::Timestamp;

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

    async fn look(&self, runtime: RuntimeId, looking: &Looking, now: Timestamp) -> Result<Vec<Candidate>> {
        self.candidates(runtime, looking, now).await
    }

    async fn claim(
        &self,
        address: Address,
        delivery: Delivery,
        claim: ClaimId,
        now: Timestamp,
    ) -> Result<Claim> {
        let item = match self.try_claim(address, delivery, claim, now).await? {
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
}
