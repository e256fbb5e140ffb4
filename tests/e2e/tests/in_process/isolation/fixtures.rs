//! Two workspaces with their tokens, and credentials that are invalid.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::Scope;
use doorbell_shared::access::Workspaces;
use doorbell_shared::clock::Clock;
use doorbell_shared::http::routes::{Function, ROUTES, Route};
use doorbell_shared::id_gen;
use doorbell_shared::kinds::{BUILT_IN, RouteKind};
use doorbell_shared::store::TokenStore;
use doorbell_shared::store::dynamodb::embedded::{CallRecorder, EmbeddedDynamoDb};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_test_support::api::{WORKSPACE_A, WORKSPACE_B};
use doorbell_test_support::contract::{ABSENT_REQUEST, ABSENT_RUNTIME};
use doorbell_test_support::issuer::{Issuer, unsigned};
use doorbell_test_support::{TestApi, TestClock};
use reqwest::Method;
use serde_json::{Value, json};

const DAY_SECONDS: i64 = 24 * 3600;

/// An API with two tenants.
pub(crate) struct Tenants {
    pub(crate) api: TestApi,
    pub(crate) engine: EmbeddedDynamoDb,
    pub(crate) issuer: Issuer,
    pub(crate) recorder: Arc<CallRecorder>,
    pub(crate) a: Tenant,
    pub(crate) b: Tenant,
}

/// A workspace with its tokens, and a runtime with a snapshot in the catalog and a pending request.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) workspace: &'static str,
    pub(crate) user: String,
    pub(crate) daemon: String,
    pub(crate) admin: String,
    pub(crate) runtime: String,
    pub(crate) request: String,
    /// The id of a token that no caller has.
    pub(crate) token_id: String,
}

/// A whole response, except for its date.
#[derive(Debug, PartialEq)]
pub(crate) struct WholeResponse {
    pub(crate) status: u16,
    pub(crate) headers: BTreeSet<(String, String)>,
    pub(crate) body: String,
}

impl Tenants {
    pub(crate) async fn new() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let issuer = Issuer::start().await;
        let recorder = Arc::new(CallRecorder::default());
        let store = engine.store_with_interceptor(Arc::<CallRecorder>::clone(&recorder));
        let oidc = Some(issuer.oidc());
        let api = TestApi::serve(store.clone(), store, oidc, Arc::new(TestClock::default())).await;
        let a = Tenant { workspace: WORKSPACE_A, ..Tenant::absent() };
        let b = Tenant { workspace: WORKSPACE_B, ..Tenant::absent() };
        let mut tenants = Self { api, engine, issuer, recorder, a, b };
        tenants.a = tenants.create(WORKSPACE_A).await;
        tenants.b = tenants.create(WORKSPACE_B).await;
        tenants
    }

    async fn create(&self, workspace: &'static str) -> Tenant {
        let user = issue_token(&self.engine, &self.api, Scope::User, &[workspace], None).await;
        let daemon = issue_token(&self.engine, &self.api, Scope::Daemon, &[workspace], None).await;
        let admin = issue_token(&self.engine, &self.api, Scope::Admin, &[workspace], None).await;
        let listed = format!("/api/tokens?workspace_id={workspace}");
        // The first use of a token costs a write.
        self.send("GET", &listed, Some(&bearer(&admin)), &Value::Null).await;
        let unused = issue_token(&self.engine, &self.api, Scope::User, &[workspace], None).await;
        let token_id = Token::parse(&unused).unwrap().hash().id().to_string();
        let body = json!({"workspace_id": workspace, "daemon_id": "d", "runtimes": [{"type": "codex", "questions": [{"name": "uptime"}]}]});
        let registered = self.send("POST", "/api/daemon/register", Some(&bearer(&daemon)), &body).await;
        let registered: Value = serde_json::from_str(&registered.body).unwrap();
        let runtime = registered["runtimes"][0]["id"].as_str().unwrap().to_owned();
        let listed = self.ring(&user, &runtime).await;
        let path = format!("/api/daemon/runtimes/{runtime}/models/{listed}/result");
        let models = json!({"status": "completed", "models": [{"id": "gpt-6", "label": "GPT-6"}]});
        assert_eq!(self.send("POST", &path, Some(&bearer(&daemon)), &models).await.status, 200);
        let request = self.ring(&user, &runtime).await;
        Tenant { workspace, user, daemon, admin, runtime, request, token_id }
    }

    /// Rings past the catalog; returns the request's id.
    async fn ring(&self, user: &str, runtime: &str) -> String {
        let path = format!("/api/runtimes/{runtime}/models?refresh=true");
        let ring = self.send("POST", &path, Some(&bearer(user)), &Value::Null).await;
        let record: Value = serde_json::from_str(&ring.body).unwrap();
        record["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        body: &Value,
    ) -> WholeResponse {
        let mut request = self.api.request(method.parse::<Method>().unwrap(), path);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().iter().filter(|(name, _)| *name != "date");
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        WholeResponse { status, headers, body: response.text().await.unwrap() }
    }

    /// Calls `route` with the kind of `segment` on the runtime, request and workspace of `target`.
    pub(crate) async fn call(
        &self,
        (route, segment): &KindRoute,
        authorization: Option<&str>,
        target: &Tenant,
    ) -> WholeResponse {
        let path = route.path.replace("{runtimeId}", &target.runtime).replace("{requestId}", &target.request);
        let mut path = path.replace(KIND, segment).replace("{tokenId}", &target.token_id);
        let body = match route.function {
            Function::Register => {
                json!({"workspace_id": target.workspace, "daemon_id": "x", "runtimes": [{"type": "x"}]})
            }
            Function::Deregister => json!({"runtime_ids": [target.runtime]}),
            Function::Heartbeat => json!({"runtime_id": target.runtime}),
            Function::Report => json!({"status": "failed", "error": "mine now"}),
            Function::Initiate if *segment == RouteKind::ANY => json!({"kind": "uptime", "queue_s": 60}),
            Function::Initiate
            | Function::Poll
            | Function::Cancel
            | Function::Runtimes
            | Function::Forget
            | Function::Workspaces
            | Function::ListTokens
            | Function::RevokeToken
            | Function::Page => Value::Null,
            Function::Enrol => json!({"workspace_id": target.workspace}),
            Function::IssueToken => {
                json!({"workspace_id": target.workspace, "scope": "admin", "subject": "mine now"})
            }
            Function::Redeem => json!({"code": "0000-0000-0000-0000", "daemon_id": "d"}),
        };
        if matches!(route.function, Function::Runtimes | Function::ListTokens | Function::RevokeToken) {
            path = format!("{path}?workspace_id={}", target.workspace);
        }
        self.send(route.method, &path, authorization, &body).await
    }

    /// In epoch seconds.
    pub(crate) fn tomorrow(&self) -> i64 {
        self.api.clock.now().millis() / 1000 + DAY_SECONDS
    }
}

/// A route and the segment of a kind; of a route without a kind, an empty one.
pub(crate) type KindRoute = (Route, &'static str);

/// Every route with an authorizer, with every kind that has it.
pub(crate) fn routes() -> Vec<KindRoute> {
    let segments = || BUILT_IN.iter().map(|kind| kind.segment).chain([RouteKind::ANY]);
    let routes = ROUTES.into_iter().filter(|route| route.scope.is_some()).flat_map(|route| {
        let has_kind = route.path.contains(KIND);
        let with_kind = segments()
            .filter(|_| has_kind)
            .filter(|segment| route.serves(&route.path.replace(KIND, segment)));
        with_kind.chain((!has_kind).then_some("")).map(|segment| (route, segment)).collect::<Vec<_>>()
    });
    routes.collect()
}

const KIND: &str = "{kind}";

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub(crate) fn scope((route, _): &KindRoute) -> Scope {
    route.scope.unwrap()
}

impl Tenant {
    pub(crate) fn token(&self, scope: Scope) -> &str {
        match scope {
            Scope::User => &self.user,
            Scope::Daemon => &self.daemon,
            Scope::Admin => &self.admin,
        }
    }

    /// A workspace, runtime and request that do not exist.
    pub(crate) fn absent() -> Self {
        Self {
            workspace: "99999999-2222-4333-8444-555555555555",
            user: String::new(),
            daemon: String::new(),
            admin: String::new(),
            runtime: ABSENT_RUNTIME.to_owned(),
            request: ABSENT_REQUEST.to_owned(),
            token_id: "000000000000".to_owned(),
        }
    }
}

pub(crate) async fn issue_token(
    engine: &EmbeddedDynamoDb,
    api: &TestApi,
    scope: Scope,
    workspaces: &[&str],
    lifetime: Option<Duration>,
) -> String {
    let token: Token = id_gen::token(scope).unwrap();
    let now = api.clock.now();
    let record = TokenRecord {
        hash: token.hash(),
        subject: "tester".to_owned().try_into().unwrap(),
        scopes: [scope].into(),
        workspaces: Workspaces::new(workspaces.iter().map(|workspace| workspace.parse().unwrap())).unwrap(),
        created_at: now,
        expires_at: lifetime.map(|lifetime| now + lifetime),
        last_four: token.last_four(),
        daemon_id: None,
        last_used_at: None,
    };
    engine.store().issue_token(&record).await.unwrap();
    token.reveal().to_owned()
}

/// Names and `authorization` headers: missing, malformed, unknown, revoked, expired, forged.
pub(crate) async fn invalid_credentials(tenants: &Tenants) -> Vec<(&'static str, Option<String>)> {
    let Tenants { api, engine, issuer, a, b, .. } = tenants;
    let claims = issuer.claims(&[WORKSPACE_A], tenants.tomorrow());
    let revoked = issue_token(engine, api, Scope::User, &[WORKSPACE_A], None).await;
    let hash = Token::parse(&revoked).unwrap().hash();
    engine.store().revoke_token(WORKSPACE_A.parse().unwrap(), hash).await.unwrap();
    let second = Some(Duration::from_secs(1));
    let expired = issue_token(engine, api, Scope::Daemon, &[WORKSPACE_A], second).await;
    api.advance_secs(1.0);
    let signed = issuer.sign(&claims);
    let (signed_part, _) = signed.rsplit_once('.').unwrap();
    let forged = format!("{signed_part}.{}", "A".repeat(86));
    let none = unsigned(&json!({"alg": "none", "kid": "key-1"}), &claims);
    let symmetric = unsigned(&json!({"alg": "HS256", "kid": "key-1"}), &claims);
    let expired_jwt = issuer.sign(&issuer.claims(&[WORKSPACE_A], tenants.tomorrow() - 2 * DAY_SECONDS));
    vec![
        ("no header", None),
        ("an empty header", Some(String::new())),
        ("no scheme", Some(a.user.clone())),
        ("another scheme", Some(format!("Basic {}", a.user))),
        ("no token", Some("Bearer ".to_owned())),
        ("two tokens", Some(format!("Bearer {} {}", a.user, b.user))),
        ("an unknown token", Some(bearer(&format!("dbu_{}", "A".repeat(43))))),
        ("half a token", Some(bearer(&a.user[..20]))),
        ("a revoked token", Some(bearer(&revoked))),
        ("an expired token", Some(bearer(&expired))),
        ("a forged JWT", Some(bearer(&forged))),
        ("a JWT with alg none", Some(bearer(&format!("{none}.")))),
        ("a JWT with alg none and a signature", Some(bearer(&format!("{none}.AAAA")))),
        ("a JWT with alg HS256", Some(bearer(&format!("{symmetric}.AAAA")))),
        ("an expired JWT", Some(bearer(&expired_jwt))),
    ]
}
