//! Two writes: draw the runtime's attention, then make the request.
//!
//! The first also keeps the pace. DynamoDB has no `max`, so a ring that comes when it is due and one that comes early are
//! different updates: the first is tried first, because people rarely ring twice in a second, and an early ring costs one
//! write more. Their mark is the request's id. It is the last ring's only: one that is tried again after somebody else has
//! rung in between takes two places of the burst, which costs the person who rings a sixtieth of a minute.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::DynamoDbStore;
use super::error::{Write, conditional};
use super::expressions::{Allowed, millis, number, string};
use super::items::{RequestItem, RuntimeItem, read, write};
use super::keys::Key;
use crate::access::Workspaces;
use crate::id::WorkspaceId;
use crate::limits::{ATTENTION, ONLINE_WINDOW, RING_INTERVAL};
use crate::request::pace::{TooFast, latest_due, next_ring_due};
use crate::request::{Address, Request};
use crate::runtime::Runtime;
use crate::store::{Initiate, Initiated, Result};
use crate::time::Timestamp;

/// Besides the workspace: seen lately, and not signed off.
const ONLINE: &str = "last_seen_at >= :online_since AND attribute_not_exists(deregistered_at)";

/// No ring so far has come early enough to matter.
const DUE: &str = "(attribute_not_exists(ring_due_at) OR ring_due_at <= :now)";

/// Early, within the burst, and not the retry of one that was let in. Whose the runtime is and that it was seen lately was
/// just found out, and nothing takes that back; but it may have been signed off since.
const EARLY: &str =
    "attribute_not_exists(deregistered_at) AND ring_due_at <= :latest_due AND NOT rung_by = :request";

enum Attention {
    Drawn(WorkspaceId),
    Refused(Refusal),
}

enum Refusal {
    Early,
    TooFast(TooFast),
    Offline,
    Unknown,
}

impl Initiate for DynamoDbStore {
    async fn initiate(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<Initiated> {
        let mut attention = self.ring_when_due(address, allowed, now).await?;
        if let Attention::Refused(Refusal::Early) = attention {
            attention = self.ring_early(address, allowed, now).await?;
        }
        match attention {
            Attention::Drawn(workspace) => self.enqueue(Request::new(address, workspace, now)).await,
            Attention::Refused(Refusal::Offline) => Ok(Initiated::Offline),
            Attention::Refused(Refusal::Unknown) => Ok(Initiated::Unknown),
            Attention::Refused(Refusal::TooFast(too_fast)) => Ok(Initiated::TooFast(too_fast)),
            // Others rang in between, and took the place that was free.
            Attention::Refused(Refusal::Early) => {
                Ok(Initiated::TooFast(TooFast { retry_after: RING_INTERVAL }))
            }
        }
    }
}

impl DynamoDbStore {
    async fn ring_when_due(&self, at: Address, allowed: &Workspaces, now: Timestamp) -> Result<Attention> {
        let caller = Allowed::new(allowed);
        let update = self
            .attention(at, caller.values, now)
            .condition_expression(format!("{} AND {ONLINE} AND {DUE}", caller.condition))
            .update_expression(
                "SET attention_until = :attention_until, ring_due_at = :next_due, rung_by = :request",
            )
            .expression_attribute_values(":online_since", millis(now - ONLINE_WINDOW))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":next_due", millis(now + RING_INTERVAL));
        drawn(update, at, allowed, now).await
    }

    async fn ring_early(&self, at: Address, allowed: &Workspaces, now: Timestamp) -> Result<Attention> {
        let interval = i64::try_from(RING_INTERVAL.as_millis()).unwrap_or(i64::MAX);
        let update = self
            .attention(at, HashMap::new(), now)
            .condition_expression(EARLY)
            .update_expression(
                "SET attention_until = :attention_until, ring_due_at = ring_due_at + :interval, \
                 rung_by = :request",
            )
            .expression_attribute_values(":latest_due", millis(latest_due(now)))
            .expression_attribute_values(":interval", number(interval));
        drawn(update, at, allowed, now).await
    }

    /// What both updates have in common: the hint that heartbeats look at, the mark, and the item as it stands either way.
    fn attention(
        &self,
        at: Address,
        values: HashMap<String, AttributeValue>,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(at.runtime).into()))
            .set_expression_attribute_values(Some(values))
            .expression_attribute_values(":attention_until", millis(now + ATTENTION))
            .expression_attribute_values(":request", string(at.request.to_string()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// A refusal here is our own mark: nobody else makes this id, so the item is the first try's.
    async fn enqueue(&self, request: Request) -> Result<Initiated> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(write(RequestItem::from(&request))?))
            .condition_expression("attribute_not_exists(pk)");
        match conditional("enqueue", put.send().await)? {
            Write::Applied(_) | Write::Refused(_) => Ok(Initiated::Enqueued(request)),
        }
    }
}

async fn drawn(
    update: UpdateItemFluentBuilder,
    at: Address,
    allowed: &Workspaces,
    now: Timestamp,
) -> Result<Attention> {
    let item = match conditional("draw attention", update.send().await)? {
        Write::Applied(output) => output.attributes.unwrap_or_default(),
        Write::Refused(None) => return Ok(Attention::Refused(Refusal::Unknown)),
        Write::Refused(Some(item)) => item,
    };
    let item: RuntimeItem = read(item)?;
    // The mark says whose the ring is, also when the condition failed on our own first try.
    match item.rung_by {
        Some(request) if request == at.request && allowed.contains(item.workspace_id) => {
            Ok(Attention::Drawn(item.workspace_id))
        }
        _ => Ok(Attention::Refused(refusal(item, allowed, now)?)),
    }
}

/// Which part of the condition failed, from the item as it stands.
fn refusal(item: RuntimeItem, allowed: &Workspaces, now: Timestamp) -> Result<Refusal> {
    let due = item.ring_due_at()?;
    let runtime = Runtime::try_from(item)?;
    if !allowed.contains(runtime.workspace) || !runtime.is_known(now) {
        return Ok(Refusal::Unknown);
    }
    if !runtime.is_online(now) {
        return Ok(Refusal::Offline);
    }
    Ok(next_ring_due(due, now).map_or_else(Refusal::TooFast, |_| Refusal::Early))
}
