//! `template.yaml` against the code: the routes are the route table's, and each function may call exactly what it calls.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use doorbell_authorizer::AuthorizerEvent;
use doorbell_authorizer::oidc::Oidc;
use doorbell_cli::gateway;
use doorbell_shared::access::Scope;
use doorbell_shared::http::routes::{Function, ROUTES};
use doorbell_shared::http::{Backend, cors};
use doorbell_shared::limits::{PENDING_DEADLINE, RUNTIME_RETENTION};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Meter};
use doorbell_tests::TestClock;
use doorbell_tests::api::WORKSPACE_A;
use doorbell_tests::event::event;
use serde_json::json;
use serde_yaml_ng::Value;

/// The functions of the template: binary, routes as "METHOD path", and actions on the table.
#[derive(Debug, Default, PartialEq)]
struct Deployed {
    routes: BTreeSet<String>,
    actions: BTreeSet<String>,
}

const AUTHORIZER: &str = "authorizer";

fn template() -> BTreeMap<String, Deployed> {
    let yaml = include_str!("../../template.yaml");
    let template: Value = serde_yaml_ng::from_str(yaml).unwrap();
    let resources = template["Resources"].as_mapping().unwrap();
    let functions = resources.values().filter(|resource| resource["Type"] == "AWS::Serverless::Function");
    functions
        .map(|function| (text(&function["Metadata"]["BuildProperties"]["Binary"]), deployed(function)))
        .collect()
}

fn deployed(function: &Value) -> Deployed {
    let properties = &function["Properties"];
    let none = serde_yaml_ng::Mapping::new();
    let events = properties["Events"].as_mapping().unwrap_or(&none).values();
    let route = |event: &Value| {
        format!("{} {}", text(&event["Properties"]["Method"]), text(&event["Properties"]["Path"]))
    };
    let statements = properties["Policies"]
        .as_sequence()
        .unwrap()
        .iter()
        .flat_map(|policy| policy["Statement"].as_sequence().unwrap());
    let actions = statements.flat_map(|statement| statement["Action"].as_sequence().unwrap());
    Deployed {
        routes: events.map(route).collect(),
        actions: actions.map(|action| text(action).replace("dynamodb:", "")).collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn binary(function: Function) -> &'static str {
    match function {
        Function::Initiate => "initiate",
        Function::Poll => "poll",
        Function::Runtimes => "runtimes",
        Function::Register => "register",
        Function::Deregister => "deregister",
        Function::Heartbeat => "heartbeat",
        Function::Report => "report",
    }
}

#[test]
fn every_route_is_deployed_and_no_other() {
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in ROUTES {
        let routes = expected.entry(binary(route.function).to_owned()).or_default();
        routes.insert(format!("{} {}", route.method, route.path));
    }
    // The authorizer is asked by API Gateway, and by no route.
    expected.insert(AUTHORIZER.to_owned(), BTreeSet::new());
    let deployed = template().into_iter().map(|(binary, function)| (binary, function.routes)).collect();
    assert_eq!(expected, deployed);
}

/// What each function calls over a life that takes every way there is.
struct Observed {
    backend: Backend<DynamoDbStore>,
    meter: Arc<Meter>,
    clock: Arc<TestClock>,
    actions: BTreeMap<String, BTreeSet<String>>,
}

impl Observed {
    async fn start() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let (meter, clock) = (Arc::new(Meter::default()), Arc::new(TestClock::default()));
        let store = engine.store_through(Arc::<Meter>::clone(&meter));
        let backend = Backend { clock: Arc::<TestClock>::clone(&clock), ..Backend::new(store) };
        Self { backend, meter, clock, actions: BTreeMap::new() }
    }

    async fn call(&mut self, function: Function, path: &str, body: serde_json::Value) -> serde_json::Value {
        let scope = if path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User };
        let response = gateway::call(function, &self.backend, &event(function, scope, path, &body)).await;
        assert_eq!(response.status(), 200, "{function:?}");
        let called = self.meter.take().into_iter().map(|call| call.operation);
        self.actions.entry(binary(function).to_owned()).or_default().extend(called);
        serde_json::from_slice(response.body()).unwrap()
    }

    async fn whole_life(mut self) -> BTreeMap<String, BTreeSet<String>> {
        let registration =
            json!({"workspace_id": WORKSPACE_A, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        let registered = self.call(Function::Register, "/api/daemon/register", registration).await;
        let runtime = registered["runtimes"][0]["id"].as_str().unwrap().to_owned();
        let (beat, models) = (json!({"runtime_id": runtime}), format!("/api/runtimes/{runtime}/models"));
        // A beat late in the week renews the listing.
        self.clock.advance(RUNTIME_RETENTION * 3 / 4);
        self.call(Function::Heartbeat, "/api/daemon/heartbeat", beat.clone()).await;
        let lapsing = self.call(Function::Initiate, &models, json!({})).await;
        self.clock.advance(PENDING_DEADLINE + Duration::from_millis(1));
        let lapsing = lapsing["id"].as_str().unwrap().to_owned();
        let lapsed = self.call(Function::Poll, &format!("{models}/{lapsing}"), json!({})).await;
        assert_eq!(lapsed["status"], "timeout");
        self.call(Function::Heartbeat, "/api/daemon/heartbeat", beat.clone()).await;
        let asked =
            self.call(Function::Initiate, &models, json!({})).await["id"].as_str().unwrap().to_owned();
        self.call(Function::Heartbeat, "/api/daemon/heartbeat", beat).await;
        let result = format!("/api/daemon/runtimes/{runtime}/models/{asked}/result");
        self.call(Function::Report, &result, json!({"status": "completed"})).await;
        self.call(Function::Runtimes, "/api/runtimes", json!({})).await;
        let gone = json!({"runtime_ids": [runtime]});
        self.call(Function::Deregister, "/api/daemon/deregister", gone).await;
        self.authorize().await;
        self.actions
    }

    async fn authorize(&mut self) {
        let event = json!({"headers": {"authorization": "Bearer dbu_nobody"}});
        let event: AuthorizerEvent = serde_json::from_value(event).unwrap();
        let oidc: Option<&Oidc> = None;
        doorbell_authorizer::handle(&self.backend, oidc, &event).await.unwrap();
        let called = self.meter.take().into_iter().map(|call| call.operation);
        self.actions.insert(AUTHORIZER.to_owned(), called.collect());
    }
}

#[tokio::test]
async fn each_function_may_call_exactly_what_it_calls() {
    let allowed = template().into_iter().map(|(binary, function)| (binary, function.actions)).collect();
    assert_eq!(Observed::start().await.whole_life().await, allowed);
}

/// Every attribute of the table that the code relies on, as the embedded engine's table has it.
#[test]
fn the_table_has_the_keys_and_the_ttl_that_the_code_expects() {
    let template: Value = serde_yaml_ng::from_str(include_str!("../../template.yaml")).unwrap();
    let table = &template["Resources"]["Table"]["Properties"];
    let keys: Vec<_> =
        table["KeySchema"].as_sequence().unwrap().iter().map(|key| text(&key["AttributeName"])).collect();
    assert_eq!(keys, ["pk", "sk"]);
    let ttl = &table["TimeToLiveSpecification"];
    assert_eq!(text(&ttl["AttributeName"]), doorbell_shared::store::dynamodb::table::TTL_ATTRIBUTE);
    assert_eq!(ttl["Enabled"], true);
}

/// Browsers ask API Gateway, or the local gateway: they are told the same.
#[test]
fn browsers_are_told_the_same_in_the_cloud_and_locally() {
    let template: Value = serde_yaml_ng::from_str(include_str!("../../template.yaml")).unwrap();
    let cors = &template["Resources"]["Api"]["Properties"]["CorsConfiguration"];
    let list = |field: &str| cors[field].as_sequence().unwrap().iter().map(text).collect::<Vec<_>>();
    assert_eq!(list("AllowHeaders"), cors::HEADERS);
    assert_eq!(list("AllowMethods"), cors::METHODS);
    assert_eq!(list("ExposeHeaders"), cors::EXPOSED);
    assert_eq!(cors["MaxAge"].as_u64(), Some(cors::MAX_AGE_SECONDS));
}

/// A route without it would be open to everybody.
#[test]
fn every_route_has_the_authorizer() {
    let template: Value = serde_yaml_ng::from_str(include_str!("../../template.yaml")).unwrap();
    let auth = &template["Resources"]["Api"]["Properties"]["Auth"];
    assert_eq!(text(&auth["DefaultAuthorizer"]), "Tokens");
    let authorizer = &auth["Authorizers"]["Tokens"];
    assert_eq!(authorizer["EnableSimpleResponses"], true);
    assert_eq!(text(&authorizer["AuthorizerPayloadFormatVersion"]), "2.0");
    let resources = template["Resources"].as_mapping().unwrap().values();
    let of_function = |resource: &&Value| resource["Type"] == "AWS::Serverless::Function";
    let mut events =
        resources.filter(of_function).filter_map(|function| function["Properties"]["Events"].as_mapping());
    assert!(events.all(|events| events.values().all(|event| event["Properties"].get("Auth").is_none())));
}
