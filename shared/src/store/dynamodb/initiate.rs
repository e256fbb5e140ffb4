//! Two writes: draw the runtime's attention, then make the request.

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::DynamoDbStore;
use super::error::{Write, conditional};
use super::expressions::{Allowed, millis};
use super::items::{RequestItem, RuntimeItem, read, write};
use super::keys::Key;
use crate::access::Workspaces;
use crate::id::WorkspaceId;
use crate::limits::{ATTENTION, ONLINE_WINDOW};
use crate::request::{Address, Request};
use crate::runtime::Runtime;
use crate::store::{Initiate, Initiated, Result};
use crate::time::Timestamp;

/// Besides the workspace: seen lately, and not signed off.
const ONLINE: &str = "last_seen_at >= :online_since AND attribute_not_exists(deregistered_at)";

enum Attention {
    Drawn(WorkspaceId),
    Offline,
    Unknown,
}

impl Initiate for DynamoDbStore {
    async fn initiate(&self, address: Address, allowed: &Workspaces, now: Timestamp) -> Result<Initiated> {
        match self.draw_attention(address, allowed, now).await? {
            Attention::Drawn(workspace) => self.enqueue(Request::new(address, workspace, now)).await,
            Attention::Offline => Ok(Initiated::Offline),
            Attention::Unknown => Ok(Initiated::Unknown),
        }
    }
}

impl DynamoDbStore {
    async fn draw_attention(&self, at: Address, allowed: &Workspaces, now: Timestamp) -> Result<Attention> {
        let caller = Allowed::new(allowed);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::runtime(at.runtime).into()))
            .update_expression("SET attention_until = :attention_until")
            .condition_expression(format!("{} AND {ONLINE}", caller.condition))
            .set_expression_attribute_values(Some(caller.values))
            .expression_attribute_values(":attention_until", millis(now + ATTENTION))
            .expression_attribute_values(":online_since", millis(now - ONLINE_WINDOW))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match conditional("draw attention", update.send().await)? {
            Write::Applied(output) => {
                let item: RuntimeItem = read(output.attributes.unwrap_or_default())?;
                Ok(Attention::Drawn(item.workspace_id))
            }
            Write::Refused(None) => Ok(Attention::Unknown),
            Write::Refused(Some(item)) => {
                let runtime = Runtime::try_from(read::<RuntimeItem>(item)?)?;
                let known = allowed.contains(runtime.workspace) && runtime.is_known(now);
                Ok(if known { Attention::Offline } else { Attention::Unknown })
            }
        }
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
