//! Tables with many runtimes, and a client that reads their pages.

use std::collections::BTreeSet;
use std::sync::Arc;

use doorbell_gateway::invoke;
use doorbell_protocol::{Scope, WorkspaceId};
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::http::input::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_shared::http::{AppState, event};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Interceptor, TABLE};
use doorbell_test_support::event::event_from;
use serde_json::{Value, json};
use uuid::Uuid;

/// The caller of all calls: a user and a daemon of some workspaces.
pub(crate) struct Caller {
    state: AppState<DynamoDbStore>,
    context: AuthorizerContext,
}

/// A response to a list.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) records: Value,
    /// The path of the next page.
    pub(crate) next: Option<String>,
    /// The size of the response that Lambda gets.
    pub(crate) lambda_bytes: usize,
}

/// The ids of `count` workspaces.
pub(crate) fn workspaces(count: u128) -> Vec<WorkspaceId> {
    (1..=count).map(|number| Uuid::from_u128(number).to_string().parse().unwrap()).collect()
}

impl Caller {
    pub(crate) fn new(store: DynamoDbStore, workspaces: &[WorkspaceId]) -> Self {
        let context = AuthorizerContext {
            subject: "tester".to_owned(),
            token_id: None,
            scopes: vec![Scope::User, Scope::Daemon],
            workspaces: workspaces.to_vec(),
            daemon_id: None,
        };
        Self { state: AppState::new(store), context }
    }

    pub(crate) fn with_interceptor(
        engine: &EmbeddedDynamoDb,
        interceptor: Arc<dyn Interceptor>,
        workspaces: &[WorkspaceId],
    ) -> Self {
        Self::new(engine.store_with_interceptor(interceptor), workspaces)
    }

    pub(crate) async fn list(&self, path: &str) -> Page {
        let request = event_from(&self.context, Function::Runtimes, path, &Value::Null, SystemClock.now());
        let response = invoke(Function::Runtimes, &self.state, &self.state, &request).await;
        let status = response.status().as_u16();
        let records = serde_json::from_slice(response.body()).unwrap();
        let next = response.headers().get("link").map(|link| {
            let query = link.to_str().unwrap().strip_prefix("<?").unwrap();
            format!("/api/runtimes?{}", query.strip_suffix(r#">; rel="next""#).unwrap())
        });
        let lambda_bytes = serde_json::to_vec(&event::response(response)).unwrap().len();
        Page { status, records, next, lambda_bytes }
    }

    /// All pages from `path` on.
    pub(crate) async fn list_all(&self, path: &str) -> Vec<Page> {
        let mut pages = vec![self.list(path).await];
        while let Some(next) = pages.last().unwrap().next.clone() {
            pages.push(self.list(&next).await);
        }
        pages
    }

    /// Forgets a runtime; returns the status.
    pub(crate) async fn forget(&self, runtime: &str) -> u16 {
        let path = format!("/api/runtimes/{runtime}");
        let request = event_from(&self.context, Function::Forget, &path, &Value::Null, SystemClock.now());
        invoke(Function::Forget, &self.state, &self.state, &request).await.status().as_u16()
    }

    /// Registers a runtime whose texts are all `text`; returns its id.
    pub(crate) async fn register(&self, workspace: WorkspaceId, text: &str) -> String {
        let body = json!({
            "workspace_id": workspace, "daemon_id": text, "device_name": text, "cli_version": text,
            "runtimes": [{"name": text, "type": text, "version": text, "profile_id": text}],
        });
        let path = "/api/daemon/register";
        let request = event_from(&self.context, Function::Register, path, &body, SystemClock.now());
        let response = invoke(Function::Register, &self.state, &self.state, &request).await;
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        body["runtimes"][0]["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
    }
}

/// Adds `count` runtimes to each workspace, as copies of one whose texts and owner are all `text`; returns the ids. Past the SDK,
/// because 40,000 calls of it take half a minute.
pub(crate) async fn seed(
    engine: &EmbeddedDynamoDb,
    workspaces: &[WorkspaceId],
    count: usize,
    text: &str,
) -> BTreeSet<String> {
    // In a workspace of its own, so that it is not listed.
    let other: WorkspaceId = Uuid::from_u128(u128::MAX).to_string().parse().unwrap();
    let mut registering = Caller::new(engine.store(), &[other]);
    registering.context.subject = text.to_owned();
    let original = registering.register(other, text).await;
    let call = |operation: &str, body: Value| {
        let response = engine.respond(&format!("DynamoDB_20120810.{operation}"), body.to_string().as_bytes());
        assert_eq!(response.status, 200, "{}", response.body);
        serde_json::from_str::<Value>(&response.body).unwrap()
    };
    let item = |pk: String, sk: String| {
        let key = json!({"pk": {"S": pk}, "sk": {"S": sk}});
        call("GetItem", json!({"TableName": TABLE, "Key": key}))["Item"].clone()
    };
    let mut runtime = item(format!("runtime#{original}"), "runtime".to_owned());
    let mut listing = item(format!("workspace#{other}"), format!("runtime#{original}"));
    let mut ids = BTreeSet::new();
    for workspace in workspaces {
        for number in 0..count {
            let name = format!("{workspace} {number}");
            let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
            runtime["pk"]["S"] = format!("runtime#{id}").into();
            runtime["workspace_id"]["S"] = workspace.to_string().into();
            listing["pk"]["S"] = format!("workspace#{workspace}").into();
            listing["sk"]["S"] = format!("runtime#{id}").into();
            for item in [&runtime, &listing] {
                call("PutItem", json!({"TableName": TABLE, "Item": item}));
            }
            ids.insert(id);
        }
    }
    ids
}

/// The ids on `pages`, each of which must be there once.
pub(crate) fn ids(pages: &[Page]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for page in pages {
        assert_eq!(page.status, 200, "{}", page.records);
        for record in page.records.as_array().unwrap() {
            assert!(ids.insert(record["id"].as_str().unwrap().to_owned()), "listed twice: {record}");
        }
    }
    ids
}
