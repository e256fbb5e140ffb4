//! Every route and method, driven by everybody who might try: who is let in, and that what is another workspace's looks
//! exactly like what does not exist: status, headers and body, byte for byte, at the same cost.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod town;

use std::sync::Arc;

use doorbell_protocol::Scope;
use doorbell_shared::clock::Clock;
use doorbell_shared::http::routes::{Function, ROUTES};
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::api::{WORKSPACE_A, WORKSPACE_B};
use doorbell_test_support::{TestApi, TestClock};
use reqwest::Method;
use serde_json::{Value, json};

use crate::town::{Home, Town, bearer, issue, nobodies, scope};

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
    assert_eq!(answer, doorbell_test_support::ApiResponse::error(500, "authorization could not be checked"));
}
