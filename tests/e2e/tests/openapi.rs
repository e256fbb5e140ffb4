//! `openapi.yaml` against responses of the functions: every promised property occurs in some response, and every field of a
//! response is promised. `fuzz_events` owns the statuses and error texts.

#[path = "support/openapi.rs"]
mod openapi;

use std::collections::BTreeSet;

use doorbell_shared::http::routes::{Function, ROUTES};
use doorbell_test_support::{ApiResponse, Caller, TestApi};
use openapi::{document, resolve};
use serde_json::{Value, json};

/// The id of the function's operation.
fn operation_id(function: Function) -> String {
    format!("{function:?}").to_lowercase()
}

/// The operations of the document as (method, path, operation).
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, item): (&String, &Value)| {
        let methods = ["get", "post", "delete"].into_iter();
        let found = methods
            .filter_map(|method| Some((method.to_uppercase(), path.clone(), item.get(method)?.clone())));
        found.collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

#[test]
fn documents_exactly_the_routes() {
    let documented = operations(&document()).into_iter().map(|(method, path, operation)| {
        format!("{method} {path} {}", operation["operationId"].as_str().unwrap())
    });
    let routes = ROUTES
        .iter()
        .map(|route| format!("{} {} {}", route.method, route.path, operation_id(route.function)));
    assert_eq!(documented.collect::<BTreeSet<_>>(), routes.collect());
}

/// A property of an operation's success response, such as `poll /models/thinking`; array items share their array's name.
type Properties = BTreeSet<String>;

/// The properties that the schema promises. Objects that pass through from daemons end the descent.
fn promised(document: &Value, schema: &Value, at: &str, found: &mut Properties) {
    let schema = resolve(document, schema);
    if let Some(items) = schema.get("items") {
        promised(document, items, at, found);
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let at = format!("{at}/{name}");
        promised(document, property, &at, found);
        found.insert(at);
    }
}

/// The fields of a response. A field below one without a promise of its own, as in `thinking`, passes through.
fn answered(value: &Value, at: &str, promised: &Properties, found: &mut Properties) {
    let is_opaque = found.contains(at) && !promised.iter().any(|other| other.starts_with(&format!("{at}/")));
    match value {
        _ if is_opaque => {}
        Value::Array(items) => items.iter().for_each(|item| answered(item, at, promised, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                let at = format!("{at}/{name}");
                found.insert(at.clone());
                answered(field, &at, promised, found);
            }
        }
        _ => {}
    }
}

/// Success responses of every operation, with every field that a response can have.
async fn responses() -> Vec<(&'static str, Value)> {
    let api = TestApi::start().await;
    let registration = json!({
        "workspace_id": api.a.id, "daemon_id": "laptop", "device_name": "Laptop", "cli_version": "1",
        "runtimes": [{"name": "Codex", "type": "codex", "version": "1", "status": "online", "profile_id": "work"}],
    });
    let registered = success(api.post(Caller::DaemonA, "/api/daemon/register", registration).await);
    let runtime = registered["runtimes"][0]["id"].as_str().unwrap().to_owned();
    let models = format!("/api/runtimes/{runtime}/models");
    let ring = success(api.post(Caller::UserA, &models, json!({})).await);
    let request = ring["id"].as_str().unwrap();
    let claimed = success(api.heartbeat(&runtime).await);
    let model = json!({
        "id": "gpt-6", "label": "GPT-6", "provider": "openai", "default": true,
        "thinking": {"supported_levels": [{"value": "low", "label": "Low"}], "default_level": "low"},
        "service_tiers": [{"id": "priority", "name": "Fast"}],
    });
    let report = json!({"status": "completed", "models": [model], "supported": true});
    let reported = success(api.report(&runtime, request, report).await);
    let completed = success(api.poll(&runtime, request).await);

    let failing = api.ring(&runtime).await;
    success(api.report(&runtime, &failing, json!({"status": "failed", "error": "not logged in"})).await);
    let failed = success(api.poll(&runtime, &failing).await);
    let listed = success(api.get(Caller::UserA, "/api/runtimes").await);
    let body = json!({"runtime_ids": [runtime]});
    let deregistered = success(api.post(Caller::DaemonA, "/api/daemon/deregister", body).await);
    let forgotten = success(api.delete(Caller::UserA, &format!("/api/runtimes/{runtime}")).await);
    vec![
        ("register", registered),
        ("initiate", ring),
        ("heartbeat", claimed),
        ("report", reported),
        ("poll", completed),
        ("poll", failed),
        ("runtimes", listed),
        ("deregister", deregistered),
        ("forget", forgotten),
    ]
}

fn success(response: ApiResponse) -> Value {
    assert_eq!(response.status, 200, "{response:?}");
    response.body
}

#[tokio::test]
async fn properties_match_responses() {
    let document = document();
    let responses = responses().await;
    for (_, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let response = resolve(&document, &operation["responses"]["200"]);
        let mut expected = Properties::new();
        promised(&document, &response["content"]["application/json"]["schema"], "", &mut expected);
        let mut found = Properties::new();
        for (_, body) in responses.iter().filter(|(operation, _)| *operation == id) {
            answered(body, "", &expected, &mut found);
        }
        assert!(!found.is_empty(), "no response of {id}");
        if id == "initiate" {
            // A new request has no result; only `poll` shows it.
            expected.retain(|property| property != "/error" && !property.starts_with("/models"));
        }
        assert_eq!(found, expected, "{id}");
    }
}
