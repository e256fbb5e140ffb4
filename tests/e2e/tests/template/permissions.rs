//! IAM: each function has every permission that it needs and no other.

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use crate::lifecycle::{self, Policies};
use crate::yaml::{functions, intrinsic, text, texts};

fn statements(function: &Value) -> Vec<Value> {
    let policies = function["Policies"].as_sequence().unwrap();
    policies.iter().flat_map(|policy| policy["Statement"].as_sequence().unwrap().clone()).collect()
}

fn policies() -> Policies {
    let operation = |action: String| action.strip_prefix("dynamodb:").unwrap().to_owned();
    let actions = |function: Value| -> BTreeSet<String> {
        statements(&function)
            .iter()
            .flat_map(|statement| texts(&statement["Action"]))
            .map(operation)
            .collect()
    };
    functions().into_iter().map(|(binary, function)| (binary, actions(function))).collect()
}

#[tokio::test]
async fn policies_allow_every_use_case() {
    lifecycle::run(&policies()).await.unwrap();
}

#[tokio::test]
async fn every_permission_is_needed() {
    let allowed = policies();
    for (binary, actions) in &allowed {
        for action in actions {
            let mut less = allowed.clone();
            less.get_mut(binary).unwrap().remove(action);
            assert!(lifecycle::run(&less).await.is_err(), "{binary} does not need {action}");
        }
    }
}

#[test]
fn policies_name_only_the_table() {
    for (binary, function) in functions() {
        for statement in statements(&function) {
            assert_eq!(text(&statement["Effect"]), "Allow", "{binary}");
            assert_eq!(intrinsic(&statement["Resource"]), "!GetAtt Table.Arn", "{binary}");
        }
    }
}
