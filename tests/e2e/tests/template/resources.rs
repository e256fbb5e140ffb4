//! The table as the code expects it, log groups that end, and parameters that explain themselves.

use std::collections::BTreeSet;

use crate::yaml::{functions, intrinsic, resources, template, text, texts};

/// Every attribute of the table that the code relies on, as the embedded engine's table has it.
#[test]
fn the_table_has_the_keys_and_the_ttl_that_the_code_expects() {
    let table = &template()["Resources"]["Table"]["Properties"];
    let keys = table["KeySchema"].as_sequence().unwrap().iter().map(|key| text(&key["AttributeName"]));
    assert_eq!(keys.collect::<Vec<_>>(), ["pk", "sk"]);
    let ttl = &table["TimeToLiveSpecification"];
    assert_eq!(text(&ttl["AttributeName"]), doorbell_shared::store::dynamodb::table::TTL_ATTRIBUTE);
    assert_eq!(ttl["Enabled"], true);
}

/// A group that Lambda makes by itself is kept for ever.
#[test]
fn every_function_has_a_log_group_of_its_own() {
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
fn logs_are_kept_for_as_long_as_was_asked() {
    for (id, group) in resources("AWS::Logs::LogGroup") {
        assert_eq!(intrinsic(&group["Properties"]["RetentionInDays"]), "!Ref LogRetentionDays", "{id}");
    }
}

/// Lambda takes a line without a level for INFO, and lines of metrics have none.
#[test]
fn no_log_level_loses_the_metrics() {
    let levels = texts(&template()["Parameters"]["LogLevel"]["AllowedValues"]);
    assert_eq!(levels, ["TRACE", "DEBUG", "INFO"]);
}

/// Two lines for each heartbeat, which the bill of BENCHMARKS.md is reckoned without.
#[test]
fn lambda_logs_nothing_of_its_own_of_calls_that_went_well() {
    assert_eq!(text(&template()["Globals"]["Function"]["LoggingConfig"]["SystemLogLevel"]), "WARN");
    for (name, function) in functions() {
        assert!(function["LoggingConfig"].get("SystemLogLevel").is_none(), "{name}");
    }
}

#[test]
fn a_parameter_has_a_default_a_description_and_a_place_in_the_form() {
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
