//! Initiate: updates the runtime's work hint and rate limit, then puts the request.
//!
//! DynamoDB's updates have no `max`, so GCRA needs two updates: one for a ring at or after the TAT, one for a ring within the
//! burst. Clients rarely ring twice in a second, so the first is tried first, and an early ring costs one more write.
//!
//! The idempotency token is the id of the last ring. A retry after another client's ring counts twice towards the rate limit.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use doorbell_protocol::limits::ONLINE_WINDOW;
use doorbell_protocol::{Timestamp, WorkspaceId};

use super::DynamoDbStore;
use super::error::{ConditionalWrite, conditional};
use super::history;
use super::items::{RequestItem, RuntimeItem, decode, encode};
use super::keys::{Item, Key, WorkspaceFilter, millis, number, string};
use crate::access::Principal;
use crate::limits::{RING_INTERVAL, WORK_HINT_LIFETIME};
use crate::rate_limit::{RUNTIME_RINGS, RateLimited};
use crate::request::{Address, Request};
use crate::store::outcome::{InitiateOutcome, Result};

/// Seen within the window, and not deregistered.
const ONLINE: &str = "last_seen_at >= :online_since AND attribute_not_exists(deregistered_at)";

/// At or after the TAT.
const ON_TIME: &str = "(attribute_not_exists(rate_limit_tat) OR rate_limit_tat <= :now)";

/// Before the TAT and within the burst, and not a retry. The first update has just checked workspace and liveness; only a
/// deregistration may have followed.
const EARLY: &str =
    "attribute_not_exists(deregistered_at) AND rate_limit_tat <= :max_tat AND NOT last_ring_id = :request";

/// The outcome of one of the two updates.
enum HintOutcome {
    Written(WorkspaceId),
    /// The ring is before the TAT; the second update follows.
    Early,
    RateLimited(RateLimited),
    Offline,
    NotFound,
}

impl DynamoDbStore {
    /// Two writes; three for an early ring.
    pub(super) async fn ring(
        &self,
        address: Address,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<InitiateOutcome> {
        let mut hint = self.hint_on_time(address, caller, now).await?;
        if let HintOutcome::Early = hint {
            hint = self.hint_early(address, caller, now).await?;
        }
        match hint {
            HintOutcome::Written(workspace) => {
                self.enqueue(Request::new(address, workspace, now), caller).await
            }
            HintOutcome::Offline => Ok(InitiateOutcome::Offline),
            HintOutcome::NotFound => Ok(InitiateOutcome::NotFound),
            HintOutcome::RateLimited(limited) => Ok(InitiateOutcome::RateLimited(limited)),
            // Concurrent rings used up the burst.
            HintOutcome::Early => {
                Ok(InitiateOutcome::RateLimited(RateLimited { retry_after: RING_INTERVAL }))
            }
        }
    }

    async fn hint_on_time(
        &self,
        address: Address,
        caller: &Principal,
        now: Timestamp,
    ) -> Result<HintOutcome> {
        let workspaces = WorkspaceFilter::new(&caller.workspaces);
        let update = self
            .update_hint(address, workspaces.values, now)
            .condition_expression(format!("{} AND {ONLINE} AND {ON_TIME}", workspaces.condition))
            .update_expression(
                "SET work_hint_until = :work_hint_until, rate_limit_tat = :next_tat, last_ring_id = :request",
            )
            .expression_attribute_values(":online_since", millis(now - ONLINE_WINDOW))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":next_tat", millis(now + RING_INTERVAL));
        hint_outcome(update, address, caller, now).await
    }

    async fn hint_early(&self, address: Address, caller: &Principal, now: Timestamp) -> Result<HintOutcome> {
        let interval = i64::try_from(RING_INTERVAL.as_millis()).unwrap_or(i64::MAX);
        let update = self
            .update_hint(address, HashMap::new(), now)
            .condition_expression(EARLY)
            .update_expression(
                "SET work_hint_until = :work_hint_until, rate_limit_tat = rate_limit_tat + :interval, \
                 last_ring_id = :request",
            )
            .expression_attribute_values(":max_tat", millis(RUNTIME_RINGS.max_tat(now)))
            .expression_attribute_values(":interval", number(interval));
        hint_outcome(update, address, caller, now).await
    }

    fn update_hint(
        &self,
        address: Address,
        values: HashMap<String, AttributeValue>,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(address.runtime).into()))
            .set_expression_attribute_values(Some(values))
            .expression_attribute_values(":work_hint_until", millis(now + WORK_HINT_LIFETIME))
            .expression_attribute_values(":request", string(address.request.to_string()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// The request's id is the idempotency token: an existing item comes from our first try.
    async fn enqueue(&self, request: Request, caller: &Principal) -> Result<InitiateOutcome> {
        let mut item = Item::from(Key::request(request.address.runtime, request.address.request));
        item.extend(encode(RequestItem::from(&request))?);
        item.insert(history::ASKED_BY.to_owned(), history::subject(caller));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        match conditional("enqueue", put.send().await)? {
            ConditionalWrite::Applied(_) | ConditionalWrite::ConditionFailed(_) => {
                Ok(InitiateOutcome::Enqueued(request))
            }
        }
    }
}

async fn hint_outcome(
    update: UpdateItemFluentBuilder,
    address: Address,
    caller: &Principal,
    now: Timestamp,
) -> Result<HintOutcome> {
    let item = match conditional("write work hint", update.send().await)? {
        ConditionalWrite::Applied(output) => output.attributes.unwrap_or_default(),
        ConditionalWrite::ConditionFailed(None) => return Ok(HintOutcome::NotFound),
        ConditionalWrite::ConditionFailed(Some(item)) => item,
    };
    let item: RuntimeItem = decode(item)?;
    // Finding our own request id is success: the first try was applied.
    if item.last_ring_id == Some(address.request) && caller.workspaces.contains(item.workspace_id) {
        return Ok(HintOutcome::Written(item.workspace_id));
    }
    failed_clause(item, address, caller, now)
}

/// Which clause of the condition failed on `item`.
fn failed_clause(
    item: RuntimeItem,
    address: Address,
    caller: &Principal,
    now: Timestamp,
) -> Result<HintOutcome> {
    let tat = item.rate_limit_tat()?;
    let runtime = item.runtime(address.runtime)?;
    if !caller.workspaces.contains(runtime.workspace) || !runtime.is_registered(now) {
        return Ok(HintOutcome::NotFound);
    }
    if !runtime.is_online(now) {
        return Ok(HintOutcome::Offline);
    }
    Ok(RUNTIME_RINGS.next_tat(tat, now).map_or_else(HintOutcome::RateLimited, |_| HintOutcome::Early))
}
