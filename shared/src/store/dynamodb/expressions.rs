//! Values and conditions that several operations share.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::Timestamp;

use crate::access::Workspaces;

/// The attributes of an item.
pub(super) type Item = HashMap<String, AttributeValue>;

/// DynamoDB's limit on the operands of one `IN` (AWS, "Condition and filter expressions, operators, and functions").
const IN_OPERANDS: usize = 100;

/// The condition that the item is in one of the caller's workspaces, and its values. Set these values first: setting them later
/// would replace others.
pub(super) struct WorkspaceFilter {
    pub(super) condition: String,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl WorkspaceFilter {
    pub(super) fn new(callers: &Workspaces) -> Self {
        let mut ids: Vec<String> = callers.iter().map(|workspace| workspace.to_string()).collect();
        if ids.is_empty() {
            // `IN ()` is invalid, and no item has an empty workspace.
            ids.push(String::new());
        }
        let names: Vec<String> = (0..ids.len()).map(|index| format!(":workspace{index}")).collect();
        let any_of = |names: &[String]| format!("workspace_id IN ({})", names.join(", "));
        let condition = names.chunks(IN_OPERANDS).map(any_of).collect::<Vec<_>>().join(" OR ");
        let values = names.into_iter().zip(ids.into_iter().map(AttributeValue::S)).collect();
        Self { condition: format!("({condition})"), values }
    }
}

pub(super) fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn millis(time: Timestamp) -> AttributeValue {
    number(time.millis())
}
