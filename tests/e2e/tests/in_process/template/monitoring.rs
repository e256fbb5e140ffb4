//! Metrics, the dashboard and the alarms have the same names and dimensions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use doorbell_shared::http::metrics::{METRICS, NAMESPACE, STACK};
use doorbell_shared::limits::{CALL_TIMEOUT, HELD_CALL_TIMEOUT, SLOW_STORE_THRESHOLD};
use serde_json::Value as Json;
use serde_yaml_ng::Value;

use crate::template::yaml::{
    functions, intrinsic, resources, substituted, template, template_without_push, text,
};

/// Names of metrics, each with its dimensions.
type Metrics = BTreeMap<String, BTreeSet<String>>;

/// The metrics of the functions, and of filters of the access log.
fn existing() -> Metrics {
    let dimensions =
        |more: &[&str]| [STACK].into_iter().chain(more.iter().copied()).map(str::to_owned).collect();
    let of_functions = METRICS.iter().map(|metric| (metric.name.to_owned(), dimensions(metric.dimensions)));
    let filtered = resources("AWS::Logs::MetricFilter").into_values().map(|filter| {
        let metric = &filter["Properties"]["MetricTransformations"][0];
        assert_eq!(text(&metric["MetricNamespace"]), NAMESPACE);
        let keys =
            metric["Dimensions"].as_sequence().unwrap().iter().map(|dimension| text(&dimension["Key"]));
        (text(&metric["MetricName"]), keys.collect())
    });
    of_functions.chain(filtered).collect()
}

/// The rows of the dashboard's widgets.
fn rows_and_searches() -> Vec<Json> {
    let body = substituted(&template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]);
    let body: Json = serde_json::from_str(&body).unwrap();
    let metrics = |widget: &Json| widget["properties"]["metrics"].as_array().unwrap().clone();
    body["widgets"].as_array().unwrap().iter().flat_map(metrics).collect()
}

/// The searches for our metrics: name, and dimensions. They find the values, so that a new kind needs no row.
fn searches() -> Metrics {
    let expressions = rows_and_searches().into_iter();
    let expressions =
        expressions.filter_map(|row| row[0]["expression"].as_str().map(str::to_owned)).filter_map(|search| {
            let (schema, rest) =
                search.strip_prefix(&format!("SEARCH('{{{NAMESPACE},"))?.split_once("} ").unwrap();
            let name = rest.strip_prefix(r#"Stack="${AWS::StackName}" MetricName=""#).unwrap();
            let name = name.split('"').next().unwrap().to_owned();
            Some((name, schema.split(',').map(str::to_owned).collect()))
        });
    expressions.collect()
}

/// The dashboard's metrics: namespace, name, and dimensions with values.
fn rows() -> Vec<Vec<String>> {
    let rows = rows_and_searches().into_iter();
    let texts =
        |row: Json| row.as_array().unwrap().iter().filter_map(Json::as_str).map(str::to_owned).collect();
    rows.map(texts).filter(|row: &Vec<String>| !row.is_empty()).collect()
}

fn shown() -> Metrics {
    let ours = rows().into_iter().filter(|row| row[0] == NAMESPACE);
    let rows = ours.map(|row| (row[1].clone(), row[2..].iter().step_by(2).cloned().collect()));
    rows.chain(searches()).collect()
}

#[test]
fn dashboard_shows_every_metric() {
    assert_eq!(shown(), existing());
}

#[test]
fn metrics_are_separated_by_stack() {
    for row in rows().into_iter().filter(|row| row[0] == NAMESPACE) {
        let stack = row.iter().position(|text| text == STACK).unwrap();
        assert_eq!(row[stack + 1], "${AWS::StackName}");
    }
    let variables = &template()["Globals"]["Function"]["Environment"]["Variables"];
    assert_eq!(intrinsic(&variables["DOORBELL_STACK"]), "!Ref AWS::StackName");
}

fn alarms() -> BTreeMap<String, Value> {
    let alarms = resources("AWS::CloudWatch::Alarm").into_iter();
    alarms.map(|(id, alarm)| (id, alarm["Properties"].clone())).collect()
}

/// The metrics of an alarm: its own, or those of its expression.
fn metrics(alarm: &Value) -> Vec<Value> {
    let Some(metrics) = alarm.get("Metrics") else { return vec![alarm.clone()] };
    let stats = metrics.as_sequence().unwrap().iter().filter_map(|metric| metric.get("MetricStat"));
    stats.map(|stat| stat["Metric"].clone()).collect()
}

#[test]
fn alarms_use_existing_metrics() {
    let existing = existing();
    let all = alarms().into_values().flat_map(|alarm| metrics(&alarm));
    let ours: Vec<_> = all.filter(|metric| metric["Namespace"] == NAMESPACE).collect();
    assert_eq!(ours.len(), 5);
    for metric in ours {
        let dimensions = metric["Dimensions"].as_sequence().unwrap();
        let names = dimensions.iter().map(|dimension| text(&dimension["Name"])).collect();
        assert_eq!(existing.get(&text(&metric["MetricName"])), Some(&names));
        assert_eq!(intrinsic(&dimensions[0]["Value"]), "!Ref AWS::StackName");
    }
}

/// The functions and the metric of an alarm.
fn watched(alarm: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let metrics = metrics(alarm);
    let function = |metric: &Value| intrinsic(&metric["Dimensions"][0]["Value"]);
    (
        metrics.iter().map(function).collect(),
        metrics.iter().map(|metric| text(&metric["MetricName"])).collect(),
    )
}

/// The same of two alarms: that of the functions for clients, and that of those for daemons.
fn watched_by_both(name: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let alarms = alarms();
    let (mut functions, mut names) = watched(&alarms[&format!("Client{name}")]);
    let (of_daemons, names_of_daemons) = watched(&alarms[&format!("Daemon{name}")]);
    assert!(functions.is_disjoint(&of_daemons), "{name}");
    functions.extend(of_daemons);
    names.extend(names_of_daemons);
    (functions, names)
}

/// CloudWatch rejects more (AWS, "Alarm limits").
#[test]
fn alarm_has_ten_metrics_at_most() {
    for (id, alarm) in alarms() {
        assert!(metrics(&alarm).len() <= 10, "{id}");
    }
}

#[test]
fn throttles_alarm_covers_every_function() {
    let expected: BTreeSet<_> =
        resources("AWS::Serverless::Function").into_keys().map(|id| format!("!Ref {id}")).collect();
    assert_eq!(expected.len(), functions().len());
    assert_eq!(watched_by_both("FunctionThrottles"), (expected, ["Throttles".to_owned()].into()));
}

/// A held call is not slow, `presence` waits, `connect` ends before the alarm's threshold matters to a caller, and `page` waits for the
/// issuer.
#[test]
fn duration_alarm_covers_functions_with_the_common_timeout() {
    let functions = resources("AWS::Serverless::Function").into_iter();
    let is_held = |function: &Value| function["Properties"].get("Timeout").is_some();
    let (held, others): (Vec<_>, Vec<_>) = functions.partition(|(_, function)| is_held(function));
    assert_eq!(
        held.into_iter().map(|(id, _)| id).collect::<Vec<_>>(),
        ["ConnectFunction", "InitiateFunction", "PollFunction", "PresenceFunction"]
    );
    let others = others.into_iter().map(|(id, _)| id).filter(|id| id != "PageFunction");
    let others = others.map(|id| format!("!Ref {id}")).collect();
    assert_eq!(watched_by_both("FunctionDuration"), (others, ["Duration".to_owned()].into()));
}

#[test]
fn timeouts_are_above_those_of_calls() {
    let timeout = |value: &Value| Duration::from_secs(value["Timeout"].as_u64().unwrap());
    assert!(timeout(&template()["Globals"]["Function"]) > CALL_TIMEOUT);
    for held in ["initiate", "poll"] {
        let timeout = timeout(&functions()[held]);
        assert!(timeout > HELD_CALL_TIMEOUT, "{held}");
        // API Gateway's limit (AWS, "Quotas for configuring and running an HTTP API in API Gateway").
        assert!(timeout <= Duration::from_secs(30), "{held}");
    }
}

/// The authorizer ends in an error when it cannot check a token; that counts as a server error. The functions of the push channel do so
/// when the table or the channel fails, and are called again.
#[test]
fn error_alarms_cover_all_but_authorizer() {
    let functions = resources("AWS::Serverless::Function").into_keys();
    let push = ["ConnectFunction", "PresenceFunction"];
    let of_push: BTreeSet<_> = push.map(|id| format!("!Ref {id}")).into();
    let others = functions
        .filter(|id| id != "AuthorizerFunction" && !push.contains(&id.as_str()))
        .map(|id| format!("!Ref {id}"));
    let errors: BTreeSet<_> = ["Errors".to_owned()].into();
    assert_eq!(watched_by_both("FunctionErrors"), (others.collect(), errors.clone()));
    assert_eq!(watched(&alarms()["PushFunctionErrors"]), (of_push, errors));
}

/// What a deployment without push has shown before stays, and nothing of push is added.
#[test]
fn dashboard_without_push_has_no_widget_of_it() {
    let body = |template: Value| -> Vec<Json> {
        let body = substituted(&template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]);
        serde_json::from_str::<Json>(&body).unwrap()["widgets"].as_array().unwrap().clone()
    };
    let with = body(template());
    let without = body(template_without_push());
    assert!(with.len() > without.len());
    assert_eq!(with[..without.len()], without);
    for widget in &with[without.len()..] {
        assert!(widget["properties"]["title"].as_str().unwrap().starts_with("Push: "), "{widget}");
    }
}

/// CloudWatch's conditions: 10 % of at least 10 hints.
#[test]
fn hint_alarm_is_on_the_share() {
    let alarm = &alarms()["HintsUndelivered"];
    assert_eq!(alarm["Threshold"], 10);
    let names: Vec<_> = metrics(alarm).iter().map(|metric| text(&metric["MetricName"])).collect();
    assert_eq!(names, ["HintsDelivered", "HintsUndelivered"]);
}

#[test]
fn alarms_notify_and_ignore_missing_data() {
    for (id, alarm) in alarms() {
        assert_eq!(intrinsic(&alarm["AlarmActions"][0]), "!Ref AlarmTopic", "{id}");
        assert_eq!(text(&alarm["TreatMissingData"]), "notBreaching", "{id}");
    }
}

#[test]
fn duration_alarm_uses_slow_store_threshold() {
    for id in ["ClientFunctionDuration", "DaemonFunctionDuration"] {
        let threshold = alarms()[id]["Threshold"].as_u64();
        assert_eq!(threshold.map(u128::from), Some(SLOW_STORE_THRESHOLD.as_millis()), "{id}");
    }
}
