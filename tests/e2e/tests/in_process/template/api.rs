//! Settings of API Gateway: CORS, throttling and its access log.

use doorbell_protocol::Scope;
use doorbell_shared::http::input::Caller;
use doorbell_shared::http::routes::{CORS_EXPOSED_HEADERS, CORS_HEADERS, CORS_MAX_AGE_SECONDS, CORS_METHODS};
use doorbell_test_support::event::caller;
use serde_json::Value;

use crate::template::yaml::{intrinsic, template, text, texts};

/// The condition of `CorsConfiguration`, with its settings if true and if false.
///
/// One condition around everything: SAM's transform drops an `AllowCredentials` that is an intrinsic function (samtranslator
/// 1.115.0, `OpenApiEditor.add_cors`), except inside one.
fn cors() -> (String, serde_yaml_ng::Value, serde_yaml_ng::Value) {
    let template = template();
    let cors = &template["Resources"]["Api"]["Properties"]["CorsConfiguration"];
    let serde_yaml_ng::Value::Tagged(condition) = cors else { panic!("not a condition") };
    assert_eq!(condition.tag, "If");
    let [name, allowed, otherwise] = condition.value.as_sequence().unwrap().as_slice() else {
        panic!("not two cases")
    };
    (text(name), allowed.clone(), otherwise.clone())
}

/// `*` would be wrong: browsers of the reference client send credentials.
#[test]
fn no_origin_is_allowed_by_default() {
    let (condition, _, otherwise) = cors();
    assert_eq!(text(&template()["Parameters"]["CorsOrigins"]["Default"]), "");
    assert_eq!(negated(&condition), ["!Ref CorsOrigins", ""]);
    let origins = texts(&otherwise["AllowOrigins"]);
    assert_eq!(origins.len(), 1, "API Gateway needs one");
    assert!(origins[0].ends_with(".invalid"), "a host that may exist: {origins:?}");
    assert_eq!(otherwise.as_mapping().unwrap().len(), 1);
}

#[test]
fn only_named_origins_may_send_credentials() {
    let (_, allowed, _) = cors();
    let serde_yaml_ng::Value::Tagged(origins) = &allowed["AllowOrigins"] else { panic!("not a split") };
    assert_eq!(
        (origins.tag.to_string().as_str(), intrinsic(&origins.value[1])),
        ("!Split", "!Ref CorsOrigins".to_owned())
    );
    let serde_yaml_ng::Value::Tagged(credentials) = &allowed["AllowCredentials"] else {
        panic!("no condition")
    };
    assert_eq!(
        credentials.value,
        serde_yaml_ng::from_str::<serde_yaml_ng::Value>("[NamedOrigins, true, false]").unwrap()
    );
    assert_eq!(negated("NamedOrigins"), ["!Ref CorsOrigins", "*"]);
}

/// The two sides of a condition `!Not [!Equals [left, right]]`.
fn negated(condition: &str) -> [String; 2] {
    let template = template();
    let serde_yaml_ng::Value::Tagged(not) = &template["Conditions"][condition] else {
        panic!("no condition")
    };
    let serde_yaml_ng::Value::Tagged(equals) = &not.value[0] else { panic!("no comparison") };
    assert_eq!((not.tag.to_string().as_str(), equals.tag.to_string().as_str()), ("!Not", "!Equals"));
    [intrinsic(&equals.value[0]), intrinsic(&equals.value[1])]
}

#[test]
fn cors_matches_local_gateway() {
    let (_, cors, _) = cors();
    assert_eq!(texts(&cors["AllowHeaders"]), CORS_HEADERS);
    assert_eq!(texts(&cors["AllowMethods"]), CORS_METHODS);
    assert_eq!(texts(&cors["ExposeHeaders"]), CORS_EXPOSED_HEADERS);
    assert_eq!(cors["MaxAge"].as_u64(), Some(CORS_MAX_AGE_SECONDS));
}

#[test]
fn default_route_has_throttling_and_metrics() {
    let routes = &template()["Resources"]["Api"]["Properties"]["DefaultRouteSettings"];
    assert_eq!(intrinsic(&routes["ThrottlingRateLimit"]), "!Ref ThrottleRate");
    assert_eq!(intrinsic(&routes["ThrottlingBurstLimit"]), "!Ref ThrottleBurst");
    let serde_yaml_ng::Value::Tagged(detailed) = &routes["DetailedMetricsEnabled"] else {
        panic!("not a condition")
    };
    assert_eq!(detailed.value[0], "Monitored");
}

fn access_log() -> Value {
    let format = text(&template()["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"]);
    assert_eq!(format.lines().count(), 1, "API Gateway takes one line");
    serde_json::from_str(&format).unwrap()
}

/// A path, a header or a query may contain a token.
#[test]
fn access_log_has_no_request_data() {
    let mut logged: Vec<_> = access_log().as_object().unwrap().values().cloned().collect();
    logged.sort_by_key(Value::to_string);
    let expected = [
        "$context.authorizer.error",
        "$context.authorizer.subject",
        "$context.authorizer.token_id",
        "$context.error.message",
        "$context.integration.status",
        "$context.integrationErrorMessage",
        "$context.integrationLatency",
        "$context.requestId",
        "$context.responseLatency",
        "$context.responseLength",
        "$context.routeKey",
        "$context.status",
        "${AWS::StackName}",
    ];
    assert_eq!(logged, expected);
}

/// The variables are the names in the authorizer's context.
#[test]
fn access_log_names_the_caller() {
    let Caller::Known(context) = caller(Scope::User) else { panic!("anonymous") };
    let context = serde_json::to_value(context).unwrap();
    let log = access_log();
    for (field, variable) in [("subject", "subject"), ("tokenId", "token_id")] {
        assert_eq!(log[field], format!("$context.authorizer.{variable}"));
        assert!(context[variable].is_string(), "{context}");
    }
}

/// The filter that counts 5xx reads fields of the access log.
#[test]
fn server_error_filter_reads_logged_fields() {
    let log = access_log();
    let filter = &template()["Resources"]["ServerErrorsFilter"]["Properties"];
    let pattern = text(&filter["FilterPattern"]);
    let fields = pattern.split("$.").skip(1).map(|rest| rest.split_whitespace().next().unwrap());
    let fields: Vec<_> = fields.collect();
    assert_eq!(fields, ["status", "functionStatus"]);
    let dimension = text(&filter["MetricTransformations"][0]["Dimensions"][0]["Value"]);
    for field in fields.into_iter().chain(dimension.strip_prefix("$.")) {
        assert!(log.get(field).is_some(), "{field}");
    }
}
