//! `openapi.yaml` against responses of the functions: every promised property occurs in some response, and every field of a
//! response is promised. `fuzz_events` owns the statuses and error texts.

pub(crate) mod document;

use std::collections::BTreeSet;
use std::sync::Arc;

use document::{document, operation_id, resolve};
use doorbell_functions::auth::oidc::{FetchJson, OidcFault};
use doorbell_functions::page::{SignIn, SignInConfig};
use doorbell_gateway::invoke;
use doorbell_protocol::Scope;
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::{Function, PAGE_ROUTES, ROUTES, Route};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::contract::paths;
use doorbell_test_support::event::event;
use doorbell_test_support::push::ScriptedPush;
use doorbell_test_support::{ApiResponse, Caller, TestApi};
use reqwest::{Method, Url};
use serde_json::{Value, json};

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
    let routes = ROUTES.iter().flat_map(|route| {
        paths(route, "{runtimeId}", "{requestId}").into_iter().map(|path| {
            format!("{} {path} {}", route.method, operation_id(route.function, segment(route, &path)))
        })
    });
    let page =
        PAGE_ROUTES.map(|route| format!("{} {} {}", route.method, route.path, page_operation(route.path)));
    assert_eq!(documented.collect::<BTreeSet<_>>(), routes.chain(page).collect());
}

/// The operation of a path of the page.
fn page_operation(path: &str) -> &'static str {
    match path {
        "/" => "page",
        "/page.js" => "pageScript",
        "/page.css" => "pageStyle",
        "/page.json" => "pageSettings",
        other => panic!("{other}"),
    }
}

/// The segment of the kind in a path of `route`.
fn segment<'p>(route: &Route, path: &'p str) -> Option<&'p str> {
    let position = route.path.split('/').position(|part| part == "{kind}")?;
    path.split('/').nth(position)
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
        "runtimes": [{
            "name": "Codex", "type": "codex", "version": "1", "status": "online", "profile_id": "work",
            "questions": [{
                "name": "disk_usage", "description": "Free space", "args_schema": true, "result_schema": true,
                "timeout_s": 5,
            }],
        }],
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
    let cached = success(api.post(Caller::UserA, &models, json!({})).await);
    let generic = format!("/api/runtimes/{runtime}/requests");
    let cached_generic = success(api.post(Caller::UserA, &generic, json!({"kind": "model_list"})).await);

    let asked = success(api.post(Caller::UserA, &format!("{models}?refresh=true"), json!({})).await);
    let request = asked["id"].as_str().unwrap();
    let fallback = json!({"status": "completed", "models": [{"id": "a", "label": "A"}], "fallback": true});
    success(api.report(&runtime, request, fallback).await);
    let fallback = success(api.poll(&runtime, request).await);

    let asked = success(api.post(Caller::UserA, &format!("{models}?refresh=true"), json!({})).await);
    let failing = asked["id"].as_str().unwrap();
    success(api.report(&runtime, failing, json!({"status": "failed", "error": "not logged in"})).await);
    let failed = success(api.poll(&runtime, failing).await);
    let listed = success(api.get(Caller::UserA, "/api/runtimes").await);
    let mut more = local_skills(&api, &runtime).await;
    more.extend(question(&api, &runtime).await);
    let body = json!({"runtime_ids": [runtime]});
    let deregistered = success(api.post(Caller::DaemonA, "/api/daemon/deregister", body).await);
    let forgotten = success(api.delete(Caller::UserA, &format!("/api/runtimes/{runtime}")).await);
    more.extend([
        ("register", registered),
        ("initiate", ring),
        ("initiate", cached),
        ("initiateRequests", cached_generic),
        ("heartbeat", claimed),
        ("report", reported),
        ("poll", completed),
        ("poll", fallback),
        ("poll", failed),
        ("runtimes", listed),
        ("deregister", deregistered),
        ("forget", forgotten),
    ]);
    more.extend(administration(&api).await);
    more
}

async fn administration(api: &TestApi) -> Vec<(&'static str, Value)> {
    let workspace = &api.a.id;
    let workspaces = success(api.get(Caller::DaemonA, "/api/daemon/workspaces").await);
    let body = json!({"workspace_id": workspace});
    let enrolled = success(api.post(Caller::AdminA, "/api/enrolments", body).await);
    let redeemed = success(api.redeem(enrolled["code"].as_str().unwrap(), "laptop").await);
    let body = json!({
        "workspace_id": workspace, "scope": "daemon", "subject": "laptop", "expires_in_s": 60, "daemon_id": "laptop",
    });
    let issued = success(api.post(Caller::AdminA, "/api/tokens", body).await);
    let listed = success(api.get(Caller::AdminA, &format!("/api/tokens?workspace_id={workspace}")).await);
    let path = format!("/api/tokens/{}?workspace_id={workspace}", issued["id"].as_str().unwrap());
    let revoked = success(api.delete(Caller::AdminA, &path).await);
    vec![
        ("workspaces", workspaces),
        ("enrol", enrolled),
        ("redeem", redeemed),
        ("issueToken", issued),
        ("listTokens", listed),
        ("revokeToken", revoked),
    ]
}

async fn local_skills(api: &TestApi, runtime: &str) -> Vec<(&'static str, Value)> {
    let path = format!("/api/runtimes/{runtime}/local-skills");
    let asked = success(api.post(Caller::UserA, &path, json!({})).await);
    let request = asked["id"].as_str().unwrap();
    let claimed = success(api.heartbeat(runtime).await);
    let skill = json!({
        "key": "k", "name": "n", "description": "d", "source_path": "~/k", "provider": "codex", "root": "plugin",
        "plugin": "p", "can_disable": true, "file_count": 1,
    });
    let server = json!({"name": "s", "transport": "stdio", "source": "c", "enabled": true});
    let report =
        json!({"status": "completed", "skills": [skill], "mcp_servers": [server], "mcp_supported": true});
    let result = format!("/api/daemon/runtimes/{runtime}/local-skills/{request}/result");
    let reported = success(api.post(Caller::DaemonA, &result, report).await);
    let polled = success(api.get(Caller::UserA, &format!("{path}/{request}")).await);
    let failing = success(api.post(Caller::UserA, &path, json!({})).await);
    let failing = failing["id"].as_str().unwrap();
    let result = format!("/api/daemon/runtimes/{runtime}/local-skills/{failing}/result");
    success(api.post(Caller::DaemonA, &result, json!({"status": "failed", "error": "no"})).await);
    let failed = success(api.get(Caller::UserA, &format!("{path}/{failing}")).await);
    vec![
        ("initiateLocalSkills", asked),
        ("heartbeat", claimed),
        ("reportLocalSkills", reported),
        ("pollLocalSkills", polled),
        ("pollLocalSkills", failed),
    ]
}

async fn question(api: &TestApi, runtime: &str) -> Vec<(&'static str, Value)> {
    let path = format!("/api/runtimes/{runtime}/requests");
    let body = json!({"kind": "disk_usage", "args": {"path": "/"}});
    let asked = success(api.post(Caller::UserA, &path, body.clone()).await);
    let request = asked["id"].as_str().unwrap();
    let heartbeat = json!({"runtimes": [{"id": runtime, "in_flight": []}]});
    let claimed = success(api.post(Caller::DaemonA, "/api/daemon/heartbeat", heartbeat).await);
    let result = format!("/api/daemon/runtimes/{runtime}/requests/{request}/result");
    success(api.post(Caller::DaemonA, &result, json!({"status": "running", "progress": 1})).await);
    let running = success(api.get(Caller::UserA, &format!("{path}/{request}")).await);
    let cancelled = success(api.delete(Caller::UserA, &format!("{path}/{request}")).await);
    let body_in_flight = json!({"runtimes": [{"id": runtime, "in_flight": [request]}]});
    let with_cancelled = success(api.post(Caller::DaemonA, "/api/daemon/heartbeat", body_in_flight).await);
    let reported = success(api.post(Caller::DaemonA, &result, json!({"status": "completed"})).await);
    let answered = success(api.post(Caller::UserA, &path, body).await);
    let answered = answered["id"].as_str().unwrap();
    let result = format!("/api/daemon/runtimes/{runtime}/requests/{answered}/result");
    success(api.post(Caller::DaemonA, &result, json!({"status": "completed", "result": 1})).await);
    let completed = success(api.get(Caller::UserA, &format!("{path}/{answered}")).await);
    let ended = success(api.delete(Caller::UserA, &format!("{path}/{answered}")).await);
    vec![
        ("initiateRequests", asked),
        ("heartbeat", claimed),
        ("heartbeat", with_cancelled),
        ("pollRequests", running),
        ("pollRequests", completed),
        ("pollRequests", cancelled.clone()),
        ("cancelRequests", cancelled),
        ("cancelRequests", ended),
        ("reportRequests", reported),
    ]
}

/// The response to a registration that asks for the push channel.
async fn registration_with_push() -> Value {
    let push = Arc::new(ScriptedPush::default());
    let state = AppState { push: Some(push.channel()), ..AppState::new(MemoryStore::default()) };
    let body = json!({
        "workspace_id": WORKSPACE_A, "daemon_id": "laptop", "push": true, "runtimes": [{"type": "codex"}],
    });
    let request = event(Function::Register, Scope::Daemon, "/api/daemon/register", &body);
    let response = invoke(Function::Register, &state, &state, &request).await;
    serde_json::from_slice(response.body()).unwrap()
}

const ISSUER: &str = "https://issuer.example";

/// An issuer's discovery document.
struct Discovery;

impl FetchJson for Discovery {
    async fn fetch(&self, _: &Url) -> Result<Vec<u8>, OidcFault> {
        let document = json!({"issuer": ISSUER, "authorization_endpoint": ISSUER, "token_endpoint": ISSUER});
        Ok(document.to_string().into_bytes())
    }
}

/// The settings of the page with an issuer.
async fn page_settings() -> Value {
    let config = SignInConfig::from_lookup(|name| match name {
        "DOORBELL_OIDC_ISSUER" => Some(ISSUER.to_owned()),
        "DOORBELL_OIDC_CLIENT_ID" => Some("page".to_owned()),
        _ => None,
    });
    let sign_in = SignIn::new(config.unwrap().unwrap(), Discovery);
    let request = event(Function::Page, Scope::User, "/page.json", &Value::Null);
    let response = doorbell_functions::page::handle(Some(&sign_in), &request, SystemClock.now()).await;
    serde_json::from_slice(response.body()).unwrap()
}

/// The answers of the page have the documented types.
#[tokio::test]
async fn page_has_documented_content_types() {
    let document = document();
    let api = TestApi::start().await;
    for route in PAGE_ROUTES {
        let content = &document["paths"][route.path]["get"]["responses"]["200"]["content"];
        let documented: Vec<_> = content.as_object().unwrap().keys().collect();
        let response = api.request(Method::GET, route.path).send().await.unwrap();
        let found = response.headers()["content-type"].to_str().unwrap().split(';').next().unwrap();
        assert_eq!(documented, [found], "{}", route.path);
    }
}

fn success(response: ApiResponse) -> Value {
    assert_eq!(response.status, 200, "{response:?}");
    response.body
}

#[tokio::test]
async fn properties_match_responses() {
    let document = document();
    let mut responses = responses().await;
    responses.push(("register", registration_with_push().await));
    responses.push(("pageSettings", page_settings().await));
    let files = ["page", "pageScript", "pageStyle"];
    for (_, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        if files.contains(&id) {
            continue;
        }
        let response = resolve(&document, &operation["responses"]["200"]);
        let mut expected = Properties::new();
        promised(&document, &response["content"]["application/json"]["schema"], "", &mut expected);
        let mut found = Properties::new();
        for (_, body) in responses.iter().filter(|(operation, _)| *operation == id) {
            answered(body, "", &expected, &mut found);
        }
        assert!(!found.is_empty(), "no response of {id}");
        // Operations share schemas. A new request has no result, except in the catalog, and a cancelled one has neither progress nor
        // lease. Only rings are answered from the catalog.
        let never = match id {
            "initiate" => &["/error", "/fallback"][..],
            "initiateLocalSkills" => &["/error", "/skills", "/mcp_servers"],
            "initiateRequests" => &["/error", "/progress", "/attempt"],
            "poll" => &["/cached"],
            "pollRequests" => &["/cached"],
            "cancelRequests" => &["/progress", "/attempt", "/cached"],
            _ => &[],
        };
        expected.retain(|property| !never.iter().any(|never| property.starts_with(never)));
        assert_eq!(found, expected, "{id}");
    }
}
