//! Two writes: draw the runtime's attention, then make the request.
//!
//! The first also keeps the pace. DynamoDB has no `max`, so a ring that comes when it is due and one that comes early are
//! different updates: the first is tried first, because people rarely ring twice in a second, and an early ring costs one
//! write more. It has no mark of its own: a ring whose answer was lost is tried again as an early one and takes two places
//! of the burst, which costs the person who rings a sixtieth of a minute.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::DynamoDbStore;
use super::error::{Write, conditional};
use super::expressions::{Allowed, millis, number};
use super::items::{Item, RequestItem, RuntimeItem, read, write};
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

/// Early, within the burst.
const EARLY: &str = "ring_due_at <= :latest_due";

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
        let update = self
            .attention(at, allowed, now, DUE)
            .update_expression("SET attention_until = :attention_until, ring_due_at = :next_due")
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":next_due", millis(now + RING_INTERVAL));
        drawn(update, allowed, now).await
    }

    async fn ring_early(&self, at: Address, allowed: &Workspaces, now: Timestamp) -> Result<Attention> {
        let interval = i64::try_from(RING_INTERVAL.as_millis()).unwrap_or(i64::MAX);
        let update = self
            .attention(at, allowed, now, EARLY)
            .update_expression(
                "SET attention_until = :attention_until, ring_due_at = ring_due_at + :interval",
            )
            .expression_attribute_values(":latest_due", millis(latest_due(now)))
            .expression_attribute_values(":interval", number(interval));
        drawn(update, allowed, now).await
    }

    /// What both updates have in common: the caller's workspace, online, and the hint that heartbeats look at.
    fn attention(
        &self,
        at: Address,
        allowed: &Workspaces,
        now: Timestamp,
        pace: &str,
    ) -> UpdateItemFluentBuilder {
        let caller = Allowed::new(allowed);
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(at.runtime).into()))
            .condition_expression(format!("{} AND {ONLINE} AND {pace}", caller.condition))
            .set_expression_attribute_values(Some(caller.values))
            .expression_attribute_values(":attention_until", millis(now + ATTENTION))
            .expression_attribute_values(":online_since", millis(now - ONLINE_WINDOW))
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

async fn drawn(update: UpdateItemFluentBuilder, allowed: &Workspaces, now: Timestamp) -> Result<Attention> {
    match conditional("draw attention", update.send().await)? {
        Write::Applied(output) => {
            let item: RuntimeItem = read(output.attributes.unwrap_or_default())?;
            Ok(Attention::Drawn(item.workspace_id))
        }
        Write::Refused(item) => Ok(Attention::Refused(refusal(item, allowed, now)?)),
    }
}

/// Which part of the condition failed, from the item as it stands.
fn refusal(item: Option<Item>, allowed: &Workspaces, now: Timestamp) -> Result<Refusal> {
    let Some(item) = item else { return Ok(Refusal::Unknown) };
    let item: RuntimeItem = read(item)?;
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
