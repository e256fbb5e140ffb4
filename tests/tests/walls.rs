//! Every route and method, driven by everybody who might try: who is let in, and that what is another workspace's looks
//! exactly like what does not exist: status, headers and body, byte for byte, at the same cost.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use doorbell_shared::access::Scope;
use doorbell_shared::clock::Clock;
use doorbell_shared::http::routes::{Function, ROUTES, Route};
use doorbell_shared::mint;
use doorbell_shared::store::TokenAdministration;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Meter};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_tests::api::{WORKSPACE_A, WORKSPACE_B};
use doorbell_tests::issuer::{Issuer, unsigned};
use doorbell_tests::{TestApi, TestClock};
use reqwest::Method;
use serde_json::{Value, json};

const NO_RUNTIME: &str = "11111111-2222-4333-8444-555555555555";
const NO_REQUEST: &str = "01930000000070008000000000000001";

/// Two workspaces with a runtime and an open request each, and everybody's tokens.
struct Town {
    api: TestApi,
    engine: EmbeddedDynamoDb,
    issuer: Issuer,
    meter: Arc<Meter>,
    a: Home,
    b: Home,
}

/// What a workspace has.
#[derive(Clone, Debug)]
struct Home {
    workspace: &'static str,
    user: String,
    daemon: String,
    runtime: String,
    request: String,
}

/// All of an answer but its date.
#[derive(Debug, PartialEq)]
struct Whole {
    status: u16,
    headers: BTreeSet<(String, String)>,
    body: String,
}

impl Town {
    async fn build() -> Self {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let (issuer, meter) = (Issuer::start().await, Arc::new(Meter::default()));
        let (clock, store) =
            (Arc::new(TestClock::default()), engine.store_through(Arc::<Meter>::clone(&meter)));
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

    async fn furnish(&self, mut home: Home) -> Home {
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

    async fn send(&self, method: &str, path: &str, authorization: Option<&str>, body: &Value) -> Whole {
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
    async fn call(&self, route: &Route, authorization: Option<&str>, target: &Home) -> Whole {
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

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn scope(route: &Route) -> Scope {
    if route.path.starts_with("/api/daemon") { Scope::Daemon } else { Scope::User }
}

impl Home {
    fn token(&self, scope: Scope) -> &str {
        match scope {
            Scope::User => &self.user,
            Scope::Daemon => &self.daemon,
        }
    }

    /// Somewhere that nothing is.
    fn nowhere() -> Self {
        let (user, daemon) = (String::new(), String::new());
        let (runtime, request) = (NO_RUNTIME.to_owned(), NO_REQUEST.to_owned());
        Self { workspace: "99999999-2222-4333-8444-555555555555", user, daemon, runtime, request }
    }
}

async fn issue(
    engine: &EmbeddedDynamoDb,
    api: &TestApi,
    scope: Scope,
    workspaces: &[&str],
    lasts: Option<Duration>,
) -> String {
    let (token, now): (Token, _) = (mint::token(scope).unwrap(), api.clock.now());
    let record = TokenRecord {
        hash: token.hash(),
        subject: "somebody".to_owned().try_into().unwrap(),
        scopes: [scope].into(),
        workspaces: workspaces.iter().map(|workspace| workspace.parse().unwrap()).collect(),
        created_at: now,
        expires_at: lasts.map(|lasts| now + lasts),
        last_four: token.last_four(),
    };
    engine.store().issue(&record).await.unwrap();
    token.reveal().to_owned()
}

/// Everybody who is nobody: no token, a malformed header, revoked, expired, forged.
async fn nobodies(town: &Town) -> Vec<(&'static str, Option<String>)> {
    let (api, engine, issuer) = (&town.api, &town.engine, &town.issuer);
    let in_a_day = api.clock.now().millis() / 1000 + 24 * 3600;
    let claims = issuer.claims(&[WORKSPACE_A], in_a_day);
    let revoked = issue(engine, api, Scope::User, &[WORKSPACE_A], None).await;
    let hash = Token::presented(&revoked).unwrap().hash();
    engine.store().revoke(WORKSPACE_A.parse().unwrap(), hash).await.unwrap();
    let expired = issue(engine, api, Scope::Daemon, &[WORKSPACE_A], Some(Duration::from_secs(1))).await;
    api.pass(1.0);
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

#[tokio::test]
async fn nobody_is_let_in_anywhere() {
    let town = Town::build().await;
    let mut cells = 0;
    for (who, authorization) in nobodies(&town).await {
        for route in &ROUTES {
            let answer = town.call(route, authorization.as_deref(), &town.a).await;
            assert_eq!(answer.status, 401, "{who} at {route:?}: {}", answer.body);
            cells += 1;
        }
    }
    println!("walls: {cells} cells of (route x nobody)");
}

#[tokio::test]
async fn a_token_of_the_other_scope_is_let_in_nowhere() {
    let town = Town::build().await;
    let mut cells = 0;
    for route in &ROUTES {
        let other = if scope(route) == Scope::User { Scope::Daemon } else { Scope::User };
        let answer = town.call(route, Some(&bearer(town.a.token(other))), &town.a).await;
        assert_eq!(answer.status, 403, "{route:?}: {}", answer.body);
        cells += 1;
    }
    println!("walls: {cells} cells of (route x other scope)");
}

/// But for the heartbeat, which the contract has tell them apart; it takes knowing the runtime's id.
#[tokio::test]
async fn what_is_another_workspaces_is_answered_byte_for_byte_like_what_is_not_there() {
    let town = Town::build().await;
    let mut cells = 0;
    for (route, (caller, other)) in
        ROUTES.iter().flat_map(|route| [(route, (&town.a, &town.b)), (route, (&town.b, &town.a))])
    {
        let authorization = bearer(caller.token(scope(route)));
        town.meter.take();
        let foreign = town.call(route, Some(&authorization), other).await;
        let foreign_cost = town.meter.take().len();
        let absent = town.call(route, Some(&authorization), &Home::nowhere()).await;
        let absent_cost = town.meter.take().len();
        assert_eq!(foreign_cost, absent_cost, "calls of {route:?}");
        cells += 2;
        if route.function == Function::Heartbeat {
            assert_eq!((foreign.status, absent.status), (404, 404));
            continue;
        }
        assert_eq!(foreign, absent, "{route:?}");
    }
    println!("walls: {cells} cells of (route x foreign or absent)");
}

#[tokio::test]
async fn nothing_of_another_workspace_is_changed_or_listed() {
    let town = Town::build().await;
    for route in &ROUTES {
        town.call(route, Some(&bearer(town.a.token(scope(route)))), &town.b).await;
    }
    let poll = &ROUTES[1];
    assert_eq!(poll.function, Function::Poll);
    let seen = town.call(poll, Some(&bearer(&town.b.user)), &town.b).await;
    assert!(seen.body.contains(r#""status":"pending""#), "{}", seen.body);
    let listed = town.send("GET", "/api/runtimes", Some(&bearer(&town.b.user)), &Value::Null).await;
    let listed: Value = serde_json::from_str(&listed.body).unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["status"]), (1, &json!("online")));
}

#[tokio::test]
async fn a_person_in_both_workspaces_sees_both_and_by_jwt_as_well() {
    let town = Town::build().await;
    let both = [WORKSPACE_A, WORKSPACE_B];
    let opaque = issue(&town.engine, &town.api, Scope::User, &both, None).await;
    let in_a_day = town.api.clock.now().millis() / 1000 + 24 * 3600;
    let jwt = town.issuer.sign(&town.issuer.claims(&both, in_a_day));
    let mut cells = 0;
    for token in [opaque, jwt] {
        for home in [&town.a, &town.b] {
            for route in ROUTES.iter().filter(|route| scope(route) == Scope::User) {
                let answer = town.call(route, Some(&bearer(&token)), home).await;
                assert_eq!(answer.status, 200, "{route:?}: {}", answer.body);
                cells += 1;
            }
        }
        let listed = town.send("GET", "/api/runtimes", Some(&bearer(&token)), &Value::Null).await;
        let listed: Value = serde_json::from_str(&listed.body).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), 2);
    }
    println!("walls: {cells} cells of (route x person in both)");
}

/// Signing in makes a person, never a daemon.
#[tokio::test]
async fn a_jwt_is_no_daemons() {
    let town = Town::build().await;
    let in_a_day = town.api.clock.now().millis() / 1000 + 24 * 3600;
    let jwt = bearer(&town.issuer.sign(&town.issuer.claims(&[WORKSPACE_A], in_a_day)));
    for route in ROUTES.iter().filter(|route| scope(route) == Scope::Daemon) {
        assert_eq!(town.call(route, Some(&jwt), &town.a).await.status, 403, "{route:?}");
    }
}

/// A daemon takes 401 for "log in again", and an allowance would be a hole.
#[tokio::test]
async fn a_store_that_cannot_say_is_a_500_and_neither_yes_nor_no() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let broken = doorbell_shared::store::dynamodb::DynamoDbStore::new(engine.client(None), "not-there");
    let api = TestApi::serve(engine.store(), broken, None, Arc::new(TestClock::default())).await;
    let answer = api.send(api.request(Method::GET, "/api/runtimes").bearer_auth("dbu_anything")).await;
    assert_eq!(answer, doorbell_tests::Answer::error(500, "authorization could not be checked"));
}
