//! Who lives in the two workspaces, with which tokens, and everybody who is nobody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use doorbell_protocol::Scope;
use doorbell_shared::clock::Clock;
use doorbell_shared::http::routes::{Function, Route};
use doorbell_shared::id_gen;
use doorbell_shared::store::TokenStore;
use doorbell_shared::store::dynamodb::embedded::{CallRecorder, EmbeddedDynamoDb};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_test_support::api::{WORKSPACE_A, WORKSPACE_B};
use doorbell_test_support::issuer::{Issuer, unsigned};
use doorbell_test_support::{TestApi, TestClock};
use reqwest::Method;
use serde_json::{Value, json};

const ABSENT_RUNTIME: &str = "11111111-2222-4333-8444-555555555555";
const ABSENT_REQUEST: &str = "01930000000070008000000000000001";

/// Two workspaces with a runtime and an open request each, and everybody's tokens.
pub(crate) struct Town {
    pub(crate) api: TestApi,
    pub(crate) engine: EmbeddedDynamoDb,
    pub(crate) issuer: Issuer,
    pub(crate) meter: Arc<CallRecorder>,
    pub(crate) a: Home,
    pub(crate) b: Home,
}

/// What a workspace has.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) workspace: &'static str,
    pub(crate) user: String,
    pub(crate) daemon: String,
    pub(crate) runtime: String,
    pub(crate) request: String,
}

/// All of an answer but its date.
#[derive(Debug, PartialEq)]
pub(crate) struct Whole {
    pub(crate) status: u16,
    pub(crate) headers: BTreeSet<(String, String)>,
    pub(crate) body: String,
}

impl Town {
    pub(crate) async fn build() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let (issuer, meter) = (Issuer::start().await, Arc::new(CallRecorder::default()));
        let (clock, store) = (
            Arc::new(TestClock::default()),
            engine.store_with_interceptor(Arc::<CallRecorder>::clone(&meter)),
        );
        let api = TestApi::serve(store, engine.store(), Some(issuer.oidc()), clock).await;
        let mut homes = Vec::new();
        for workspace in [WORKSPACE_A, WORKSPACE_B] {
            let user = issue(&engine, &api, Scope::User, &[workspace], None).await;
            let daemon = issue(&engine, &api, Scope::Daemon, &[workspace], None).await;
            let (runtime, request) = (String::new(), String::new());
            homes.push(Home { workspace, user, daemon, runtime, request });
        }
        let (b, a) = (homes.pop().unwrap(), homes.pop().unwrap());
        let mut town = Self { api, engine, issuer, meter, a, b };
        town.a = town.furnish(town.a.clone()).await;
        town.b = town.furnish(town.b.clone()).await;
        town
    }

    pub(crate) async fn furnish(&self, mut home: Home) -> Home {
        let body = json!({"workspace_id": home.workspace, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
        let registered = self.send("POST", "/api/daemon/register", Some(&bearer(&home.daemon)), &body).await;
        let registered: Value = serde_json::from_str(&registered.body).unwrap();
        home.runtime = registered["runtimes"][0]["id"].as_str().unwrap().to_owned();
        let models = format!("/api/runtimes/{}/models", home.runtime);
        let asked = self.send("POST", &models, Some(&bearer(&home.user)), &Value::Null).await;
        let asked: Value = serde_json::from_str(&asked.body).unwrap();
        home.request = asked["id"].as_str().unwrap().to_owned();
        home
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        body: &Value,
    ) -> Whole {
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
        Whole { status, headers, body: response.text().await.unwrap() }
    }

    /// A call of `route` on that runtime and request, in that workspace.
    pub(crate) async fn call(&self, route: &Route, authorization: Option<&str>, target: &Home) -> Whole {
        let path = route.path.replace("{runtimeId}", &target.runtime).replace("{requestId}", &target.request);
        let body = match route.function {
            Function::Register => {
                json!({"workspace_id": target.workspace, "daemon_id": "x", "runtimes": [{"type": "x"}]})
            }
            Function::Deregister => json!({"runtime_ids": [target.runtime]}),
            Function::Heartbeat => json!({"runtime_id": target.runtime}),
            Function::Report => json!({"status": "failed", "error": "mine now"}),
            Function::Initiate | Function::Poll | Function::Runtimes => Value::Null,
        };
        let path = match route.function {
            Function::Runtimes => format!("{path}?workspace_id={}", target.workspace),
            _ => path,
        };
        self.send(route.method, &path, authorization, &body).await
    }
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

pub(crate) fn scope(route: &Route) -> Scope {
    if route.path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User }
}

impl Home {
    pub(crate) fn token(&self, scope: Scope) -> &str {
        match scope {
            Scope::User => &self.user,
            Scope::Daemon => &self.daemon,
        }
    }

    /// Somewhere that nothing is.
    pub(crate) fn nowhere() -> Self {
        let (user, daemon) = (String::new(), String::new());
        let (runtime, request) = (ABSENT_RUNTIME.to_owned(), ABSENT_REQUEST.to_owned());
        Self { workspace: "99999999-2222-4333-8444-555555555555", user, daemon, runtime, request }
    }
}

pub(crate) async fn issue(
    engine: &EmbeddedDynamoDb,
    api: &TestApi,
    scope: Scope,
    workspaces: &[&str],
    lasts: Option<Duration>,
) -> String {
    let (token, now): (Token, _) = (id_gen::token(scope).unwrap(), api.clock.now());
    let record = TokenRecord {
        hash: token.hash(),
        subject: "somebody".to_owned().try_into().unwrap(),
        scopes: [scope].into(),
        workspaces: workspaces.iter().map(|workspace| workspace.parse().unwrap()).collect(),
        created_at: now,
        expires_at: lasts.map(|lasts| now + lasts),
        last_four: token.last_four(),
    };
    engine.store().issue_token(&record).await.unwrap();
    token.reveal().to_owned()
}

/// Everybody who is nobody: no token, a malformed header, revoked, expired, forged.
pub(crate) async fn nobodies(town: &Town) -> Vec<(&'static str, Option<String>)> {
    let (api, engine, issuer) = (&town.api, &town.engine, &town.issuer);
    let in_a_day = api.clock.now().millis() / 1000 + 24 * 3600;
    let claims = issuer.claims(&[WORKSPACE_A], in_a_day);
    let revoked = issue(engine, api, Scope::User, &[WORKSPACE_A], None).await;
    let hash = Token::parse(&revoked).unwrap().hash();
    engine.store().revoke(WORKSPACE_A.parse().unwrap(), hash).await.unwrap();
    let expired = issue(engine, api, Scope::Daemon, &[WORKSPACE_A], Some(Duration::from_secs(1))).await;
    api.advance_secs(1.0);
    let signed = issuer.sign(&claims);
    let (signed_part, _) = signed.rsplit_once('.').unwrap();
    let forged = format!("{signed_part}.{}", "A".repeat(86));
    let none = |signature: &str| {
        format!("{}.{signature}", unsigned(&json!({"alg": "none", "kid": "key-1"}), &claims))
    };
    let symmetric = format!("{}.AAAA", unsigned(&json!({"alg": "HS256", "kid": "key-1"}), &claims));
    let late = issuer.sign(&issuer.claims(&[WORKSPACE_A], in_a_day - 48 * 3600));
    vec![
        ("no header", None),
        ("an empty header", Some(String::new())),
        ("no scheme", Some(town.a.user.clone())),
        ("another scheme", Some(format!("Basic {}", town.a.user))),
        ("no token", Some("Bearer ".to_owned())),
        ("two tokens", Some(format!("Bearer {} {}", town.a.user, town.b.user))),
        ("a token nobody issued", Some(bearer(&format!("dbu_{}", "A".repeat(43))))),
        ("half a token", Some(bearer(&town.a.user[..20]))),
        ("a revoked token", Some(bearer(&revoked))),
        ("an expired token", Some(bearer(&expired))),
        ("a forged JWT", Some(bearer(&forged))),
        ("a none JWT", Some(bearer(&none("")))),
        ("a none JWT with a signature", Some(bearer(&none("AAAA")))),
        ("an HS256 JWT", Some(bearer(&symmetric))),
        ("an expired JWT", Some(bearer(&late))),
    ]
}
