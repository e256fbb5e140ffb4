//! The part of a condition that keeps a caller to its own items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::string;
use crate::access::Principal;

/// DynamoDB's limit on the operands of one `IN` (AWS, "Condition and filter expressions, operators, and functions").
const IN_OPERANDS: usize = 100;

/// The condition that the caller [owns](Principal::owns) the item of a runtime or of a request, and its values. Set these values
/// first: setting them later would replace others.
pub(super) struct CallerFilter {
    pub(super) condition: String,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl CallerFilter {
    pub(super) fn new(caller: &Principal) -> Self {
        let mut ids: Vec<String> = caller.workspaces.iter().map(|workspace| workspace.to_string()).collect();
        if ids.is_empty() {
            // `IN ()` is invalid, and no item has an empty workspace.
            ids.push(String::new());
        }
        // Short names: 250 of them are 1.7 KB of the 4 KB of an expression.
        let names: Vec<String> = (0..ids.len()).map(|index| format!(":w{index}")).collect();
        let any_of = |names: &[String]| format!("workspace_id IN ({})", names.join(", "));
        let of_workspaces = names.chunks(IN_OPERANDS).map(any_of).collect::<Vec<_>>().join(" OR ");
        let mut condition = format!("({of_workspaces})");
        let mut values: HashMap<_, _> =
            names.into_iter().zip(ids.into_iter().map(AttributeValue::S)).collect();
        if let Some(daemon_id) = &caller.daemon_id {
            condition.push_str(" AND daemon_id = :bound_daemon");
            values.insert(":bound_daemon".to_owned(), string(daemon_id.as_str()));
        }
        Self { condition, values }
    }
}
