//! The push channel: nothing of it without its parameter, and with it what IoT Core and the functions need.

use std::collections::BTreeSet;
use std::path::PathBuf;

use doorbell_shared::lambda::{
    DEPLOYMENT_VARIABLE, PUSH_ENDPOINT_VARIABLE, PUSH_HEARTBEAT_VARIABLE, PUSH_URL_VARIABLE,
    PUSH_USERNAME_VARIABLE,
};
use doorbell_shared::push::CONNECTION_SECONDS;
use serde_yaml_ng::{Mapping, Value};

use crate::template::yaml::{
    functions, intrinsic, resources, template, template_without_push, text, written,
};

/// The variables of the functions that use the push channel.
const CHANNEL: [&str; 5] = [
    PUSH_ENDPOINT_VARIABLE,
    PUSH_URL_VARIABLE,
    PUSH_USERNAME_VARIABLE,
    PUSH_HEARTBEAT_VARIABLE,
    DEPLOYMENT_VARIABLE,
];
const ARN_PREFIX_VARIABLE: &str = "DOORBELL_PUSH_ARN_PREFIX";

fn variables(function: &Value) -> Mapping {
    let variables = function.get("Environment").map(|environment| environment["Variables"].clone());
    variables.map(|variables| variables.as_mapping().unwrap().clone()).unwrap_or_default()
}

/// The variables of a function that have to do with the push channel.
fn push_variables(function: &Value) -> BTreeSet<String> {
    let names = variables(function).into_iter().map(|(name, _)| text(&name));
    names.filter(|name| name.starts_with("DOORBELL_PUSH") || name == DEPLOYMENT_VARIABLE).collect()
}

/// The variables that a function's `main` reads.
fn read_variables(binary: &str) -> BTreeSet<String> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../functions/src/bin/{binary}.rs"));
    let main = std::fs::read_to_string(file).unwrap();
    let mut read = BTreeSet::new();
    if main.contains("lambda::push") {
        read.extend(CHANNEL);
    }
    if main.contains("lambda::deployment") {
        read.insert(DEPLOYMENT_VARIABLE);
    }
    if main.contains(ARN_PREFIX_VARIABLE) {
        read.insert(ARN_PREFIX_VARIABLE);
    }
    read.into_iter().map(str::to_owned).collect()
}

#[test]
fn push_is_off_by_default() {
    assert_eq!(text(&template()["Parameters"]["PushEndpoint"]["Default"]), "");
    assert_eq!(template()["Conditions"]["Push"], written("!Not [!Equals [!Ref PushEndpoint, '']]"));
    let monitored = written("!And [!Condition Push, !Condition Monitored]");
    assert_eq!(template()["Conditions"]["PushMonitored"], monitored);
}

#[test]
fn nothing_of_push_exists_without_endpoint() {
    let template = template_without_push();
    for part in ["Resources", "Outputs"] {
        let left = serde_yaml_ng::to_string(&template[part]).unwrap();
        for trace in ["Push", "PUSH", "AWS::IoT", "iot:", "iot.", DEPLOYMENT_VARIABLE] {
            assert!(!left.contains(trace), "{part} has {trace}");
        }
    }
}

/// Without a channel only two functions less are deployed.
#[test]
fn functions_of_push_are_the_only_conditional_ones() {
    let names = |template: Value| -> BTreeSet<String> {
        let resources = template["Resources"].as_mapping().unwrap().clone().into_iter();
        resources
            .filter(|(_, it)| it["Type"] == "AWS::Serverless::Function")
            .map(|(id, _)| text(&id))
            .collect()
    };
    let without = names(template_without_push());
    let added: Vec<_> = names(template()).difference(&without).cloned().collect();
    assert_eq!(added, ["ConnectFunction", "PresenceFunction"]);
}

#[test]
fn functions_have_the_variables_that_they_read() {
    for (binary, function) in functions() {
        assert_eq!(push_variables(&function), read_variables(&binary), "{binary}");
    }
}

#[test]
fn variables_describe_one_channel() {
    let expected = [
        (PUSH_ENDPOINT_VARIABLE, "!Sub 'https://${PushEndpoint}'"),
        (PUSH_URL_VARIABLE, "!Sub 'mqtts://${PushEndpoint}:443'"),
        (PUSH_USERNAME_VARIABLE, "!Sub 'doorbell?x-amz-customauthorizer-name=${PushAuthorizer}'"),
        (PUSH_HEARTBEAT_VARIABLE, "!Ref PushHeartbeatSeconds"),
        (DEPLOYMENT_VARIABLE, "!Select [2, !Split ['/', !Ref 'AWS::StackId']]"),
        (ARN_PREFIX_VARIABLE, "!Sub 'arn:${AWS::Partition}:iot:${AWS::Region}:${AWS::AccountId}'"),
    ];
    for (binary, function) in functions() {
        let variables = variables(&function);
        for (name, value) in expected {
            if let Some(found) = variables.get(name) {
                assert_eq!(*found, written(value), "{binary}: {name}");
            }
        }
    }
}

/// A signature would be a second secret of every daemon.
#[test]
fn authorizer_checks_tokens_without_signature() {
    let authorizer = &template()["Resources"]["PushAuthorizer"]["Properties"];
    assert_eq!(intrinsic(&authorizer["AuthorizerFunctionArn"]), "!GetAtt ConnectFunction.Arn");
    assert_eq!(authorizer["SigningDisabled"], true);
    assert_eq!(text(&authorizer["Status"]), "ACTIVE");
}

/// IoT Core waits for 5 s (AWS, "Creating and managing custom authorizers").
#[test]
fn authorizer_ends_before_iot_core_gives_up() {
    assert_eq!(functions()["connect"]["Timeout"], 5);
}

#[test]
fn rule_selects_disconnections_of_this_deployment() {
    let rule = &template()["Resources"]["DisconnectedRule"]["Properties"]["TopicRulePayload"];
    let sql = "!Sub
- SELECT clientId FROM '$aws/events/presence/disconnected/+' WHERE startswith(clientId, '${Deployment}.')
- Deployment: !Select [2, !Split ['/', !Ref 'AWS::StackId']]";
    assert_eq!(rule["Sql"], written(sql));
    assert_eq!(text(&rule["AwsIotSqlVersion"]), "2016-03-23");
    let actions = rule["Actions"].as_sequence().unwrap();
    assert_eq!(actions.len(), 1);
    assert_eq!(intrinsic(&actions[0]["Lambda"]["FunctionArn"]), "!GetAtt PresenceFunction.Arn");
}

/// Without `SourceArn` any account could call the function through a rule or an authorizer of its own.
#[test]
fn only_our_authorizer_and_rule_may_call() {
    let callers = resources("AWS::Lambda::Permission").into_values().map(|permission| {
        let permission = &permission["Properties"];
        assert_eq!(text(&permission["Action"]), "lambda:InvokeFunction");
        assert_eq!(text(&permission["Principal"]), "iot.amazonaws.com");
        (intrinsic(&permission["FunctionName"]), intrinsic(&permission["SourceArn"]))
    });
    let expected = [
        ("!Ref ConnectFunction", "!GetAtt PushAuthorizer.Arn"),
        ("!Ref PresenceFunction", "!GetAtt DisconnectedRule.Arn"),
    ];
    let expected: BTreeSet<_> = expected.map(|(function, arn)| (function.to_owned(), arn.to_owned())).into();
    assert_eq!(callers.collect::<BTreeSet<_>>(), expected);
}

/// A daemon connects about once a day, and sends at least one heartbeat for each connection.
#[test]
fn heartbeat_interval_is_at_most_a_connection() {
    let parameter = &template()["Parameters"]["PushHeartbeatSeconds"];
    assert_eq!(parameter["Default"], 21_600);
    assert_eq!(parameter["MinValue"], 60);
    assert_eq!(parameter["MaxValue"], *CONNECTION_SECONDS.end());
}
