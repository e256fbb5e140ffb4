//! The rates of a token across instances, one item for each action.
//!
//! As for the rings of a runtime, GCRA needs two updates, because DynamoDB's updates have no `max`: one for a call at or after
//! the TAT, one for a call within the burst. A caller that is charged often is within its burst, so the instance passes the last
//! TAT that it has seen, and the first update usually applies.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::{RequestId, Timestamp};
use serde::Deserialize;

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional, corrupt};
use super::items::decode;
use super::keys::{Item, Key, millis, number, string};
use crate::limits::RATE_RETENTION;
use crate::rate_limit::{Charge, RateLimited};
use crate::store::outcome::{ChargeOutcome, Result};

/// At or after the TAT.
const ON_TIME: &str = "attribute_not_exists(rate_limit_tat) OR rate_limit_tat <= :now";

/// Before the TAT and within the burst, and not a retry.
const EARLY: &str = "rate_limit_tat <= :max_tat AND NOT last_charge_id = :charge";

/// The rate of a token without its key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct TokenRateItem {
    rate_limit_tat: i64,
    /// The idempotency token.
    last_charge_id: RequestId,
}

impl TokenRateItem {
    fn tat(&self) -> Result<Timestamp> {
        Timestamp::from_millis(self.rate_limit_tat).ok_or_else(|| corrupt("a token's rate"))
    }
}

impl DynamoDbStore {
    /// One write; two when `known_tat` is missing or out of date.
    pub(super) async fn write_charge(&self, charge: &Charge, now: Timestamp) -> Result<ChargeOutcome> {
        let mut tat = charge.known_tat.unwrap_or(now);
        for _ in 0..2 {
            let item = match self.update_rate(charge, tat > now, now).await? {
                ConditionalWrite::Applied(item) => {
                    return Ok(ChargeOutcome::Charged { tat: decode::<TokenRateItem>(item)?.tat()? });
                }
                ConditionalWrite::ConditionFailed(Some(item)) => decode::<TokenRateItem>(item)?,
                // TTL has deleted the item.
                ConditionalWrite::ConditionFailed(None) => {
                    tat = now;
                    continue;
                }
            };
            tat = item.tat()?;
            // Finding our own id is success: the first try was applied.
            if item.last_charge_id == charge.id {
                return Ok(ChargeOutcome::Charged { tat });
            }
            if let Err(limited) = charge.rate.next_tat(Some(tat), now) {
                return Ok(ChargeOutcome::RateLimited { limited, tat });
            }
        }
        // Calls on other instances used up the burst.
        Ok(ChargeOutcome::RateLimited { limited: RateLimited { retry_after: charge.rate.interval }, tat })
    }

    async fn update_rate(
        &self,
        charge: &Charge,
        early: bool,
        now: Timestamp,
    ) -> Result<ConditionalWrite<Item>> {
        let interval = i64::try_from(charge.rate.interval.as_millis()).unwrap_or(i64::MAX);
        let effect_ends = now + charge.rate.interval * charge.rate.burst;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::token_rate(charge.token, charge.action).into()))
            .expression_attribute_values(":charge", string(charge.id.to_string()))
            .expression_attribute_values(
                ":expires_at",
                number((effect_ends + RATE_RETENTION).seconds_rounded_up()),
            )
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let update = if early {
            update
                .condition_expression(EARLY)
                .update_expression(
                    "SET rate_limit_tat = rate_limit_tat + :interval, last_charge_id = :charge, \
                     expires_at = :expires_at",
                )
                .expression_attribute_values(":max_tat", millis(charge.rate.max_tat(now)))
                .expression_attribute_values(":interval", number(interval))
        } else {
            update
                .condition_expression(ON_TIME)
                .update_expression(
                    "SET rate_limit_tat = :next_tat, last_charge_id = :charge, expires_at = :expires_at",
                )
                .expression_attribute_values(":now", millis(now))
                .expression_attribute_values(":next_tat", millis(now + charge.rate.interval))
        };
        let written = conditional("charge token", update.send().await)?;
        Ok(written.map(|output| output.attributes.unwrap_or_default()))
    }
}
