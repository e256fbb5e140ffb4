//! IAM: each function has every permission that it needs and no other.

use std::collections::BTreeSet;

use doorbell_protocol::PUSH_TOPIC;
use serde_yaml_ng::Value;

use crate::template::lifecycle::{self, Policies};
use crate::template::yaml::{functions, intrinsic, text, texts, written};

/// The clients of this deployment and no other in the account.
const CLIENTS: &str = "!Sub
- arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}:client/${Deployment}.*
- Deployment: !Select [2, !Split ['/', !Ref 'AWS::StackId']]";

fn statements(function: &Value) -> Vec<Value> {
    let policies = function["Policies"].as_sequence().unwrap();
    policies.iter().flat_map(|policy| policy["Statement"].as_sequence().unwrap().clone()).collect()
}

/// Functions with the statements of a service.
fn statements_of(service: &str) -> Vec<(String, Value)> {
    let is_of = |statement: &Value| {
        texts(&statement["Action"]).iter().all(|action| action.split(':').next() == Some(service))
    };
    let of = |(binary, function): (String, Value)| {
        let statements = statements(&function).into_iter().filter(is_of);
        statements.map(|statement| (binary.clone(), statement)).collect::<Vec<_>>()
    };
    functions().into_iter().flat_map(of).collect()
}

fn policies() -> Policies {
    let actions = |function: Value| -> BTreeSet<String> {
        statements(&function).iter().flat_map(|statement| texts(&statement["Action"])).collect()
    };
    functions().into_iter().map(|(binary, function)| (binary, actions(function))).collect()
}

#[tokio::test(start_paused = true)]
async fn policies_allow_every_use_case() {
    lifecycle::run(&policies()).await.unwrap();
}

#[tokio::test(start_paused = true)]
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
fn policies_name_only_the_table_and_clients_of_the_deployment() {
    let table = statements_of("dynamodb");
    let clients = statements_of("iot");
    let all: usize = functions().values().map(|function| statements(function).len()).sum();
    assert_eq!(table.len() + clients.len(), all, "a policy allows actions of another service");
    for (binary, statement) in table {
        assert_eq!(text(&statement["Effect"]), "Allow", "{binary}");
        assert_eq!(intrinsic(&statement["Resource"]), "!GetAtt Table.Arn", "{binary}");
    }
    for (binary, statement) in clients {
        assert_eq!(text(&statement["Effect"]), "Allow", "{binary}");
        assert_eq!(statement["Resource"], written(CLIENTS), "{binary}");
    }
}

/// A function cannot publish on topics of other systems in the account.
#[test]
fn messages_are_restricted_to_the_topic() {
    for (binary, statement) in statements_of("iot") {
        let sends = texts(&statement["Action"]) == ["iot:SendDirectMessage"];
        let condition = sends.then(|| written(&format!("StringEquals: {{ 'iot:Topic': {PUSH_TOPIC} }}")));
        assert_eq!(statement.get("Condition"), condition.as_ref(), "{binary}");
    }
}
