//! The table, the log groups and the parameters.

use std::collections::BTreeSet;

use crate::template::yaml::{functions, intrinsic, resources, template, text, texts};

#[test]
fn table_has_keys_and_ttl() {
    let table = &template()["Resources"]["Table"]["Properties"];
    let keys = table["KeySchema"].as_sequence().unwrap().iter().map(|key| text(&key["AttributeName"]));
    assert_eq!(keys.collect::<Vec<_>>(), ["pk", "sk"]);
    let ttl = &table["TimeToLiveSpecification"];
    assert_eq!(text(&ttl["AttributeName"]), doorbell_shared::store::dynamodb::table::TTL_ATTRIBUTE);
    assert_eq!(ttl["Enabled"], true);
}

/// DynamoDB encrypts every table with a key that AWS owns, free of charge. An `SSESpecification` selects a key whose requests KMS
/// bills, which docs/costs.md does not contain.
#[test]
fn table_is_encrypted_with_free_key() {
    assert_eq!(template()["Resources"]["Table"]["Properties"].get("SSESpecification"), None);
}

/// The table holds the only copy of the tokens.
#[test]
fn table_can_be_recovered_and_is_protected() {
    let template = template();
    let table = &template["Resources"]["Table"]["Properties"];
    let recovery = &table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"];
    assert_eq!(intrinsic(recovery), "!Ref PointInTimeRecovery");
    assert_eq!(intrinsic(&table["DeletionProtectionEnabled"]), "!Ref ProtectTable");
    for parameter in ["PointInTimeRecovery", "ProtectTable"] {
        assert_eq!(text(&template["Parameters"][parameter]["Default"]), "true", "{parameter}");
    }
}

/// Lambda creates a missing group without a retention.
#[test]
fn every_function_has_a_log_group() {
    let functions = functions();
    let groups: BTreeSet<_> =
        functions.values().map(|function| intrinsic(&function["LoggingConfig"]["LogGroup"])).collect();
    assert_eq!(groups.len(), functions.len());
    let known = resources("AWS::Logs::LogGroup");
    for group in groups {
        assert!(known.contains_key(group.strip_prefix("!Ref ").unwrap()), "{group}");
    }
}

#[test]
fn log_retention_is_a_parameter() {
    for (id, group) in resources("AWS::Logs::LogGroup") {
        assert_eq!(intrinsic(&group["Properties"]["RetentionInDays"]), "!Ref LogRetentionDays", "{id}");
    }
}

/// Lambda treats lines without a level, such as metrics, as INFO.
#[test]
fn log_levels_include_metrics() {
    let levels = texts(&template()["Parameters"]["LogLevel"]["AllowedValues"]);
    assert_eq!(levels, ["TRACE", "DEBUG", "INFO"]);
}

/// Two lines for each heartbeat, which are not in the costs of BENCHMARKS.md.
#[test]
fn lambda_logs_no_successful_calls() {
    assert_eq!(text(&template()["Globals"]["Function"]["LoggingConfig"]["SystemLogLevel"]), "WARN");
    for (name, function) in functions() {
        assert!(function["LoggingConfig"].get("SystemLogLevel").is_none(), "{name}");
    }
}

#[test]
fn parameters_have_default_description_and_group() {
    let template = template();
    let groups = &template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"];
    let grouped = groups.as_sequence().unwrap().iter().flat_map(|group| texts(&group["Parameters"]));
    let parameters = template["Parameters"].as_mapping().unwrap();
    assert_eq!(grouped.collect::<BTreeSet<_>>(), parameters.keys().map(text).collect());
    for (name, parameter) in parameters {
        assert!(parameter.get("Default").is_some(), "{name:?}");
        assert!(parameter.get("Description").is_some(), "{name:?}");
    }
}
