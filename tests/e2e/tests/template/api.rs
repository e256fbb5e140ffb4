//! Settings of API Gateway: CORS, throttling and its access log.

use doorbell_shared::http::routes::{CORS_EXPOSED_HEADERS, CORS_HEADERS, CORS_MAX_AGE_SECONDS, CORS_METHODS};
use serde_json::Value;

use crate::yaml::{intrinsic, template, text, texts};

#[test]
fn cors_matches_local_gateway() {
    let cors = &template()["Resources"]["Api"]["Properties"]["CorsConfiguration"];
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
