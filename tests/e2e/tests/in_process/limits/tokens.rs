//! Limits of tokens and enrolment codes.

use std::time::Duration;

use doorbell_gateway::invoke;
use doorbell_protocol::limits::TOKENS_PER_PAGE;
use doorbell_protocol::{Scope, WorkspaceId};
use doorbell_shared::access::Workspaces;
use doorbell_shared::clock::{Clock as _, SystemClock};
use doorbell_shared::http::AppState;
use doorbell_shared::http::input::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_shared::limits::WORKSPACES_PER_TOKEN;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Store, TokenStore};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_test_support::api::WORKSPACE_A;
use doorbell_test_support::event::{event, event_from};
use serde_json::{Value, json};

use crate::limits::longest;

/// Codes are found by chance only: no guess is answered in another way, and none changes anything.
async fn guesses_are_not_found<S: Store + TokenStore>(store: S) {
    const GUESSES: u32 = 10_000;
    let state = AppState::new(store);
    let redeem = async |code: &str| {
        let body = json!({"code": code, "daemon_id": "guesser"});
        let request = event(Function::Redeem, Scope::Daemon, "/api/enrolments/redeem", &body);
        let response = invoke(Function::Redeem, &state, &state, &request).await;
        (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
    };
    let body = json!({"workspace_id": WORKSPACE_A});
    let request = event(Function::Enrol, Scope::Admin, "/api/enrolments", &body);
    let response = invoke(Function::Enrol, &state, &state, &request).await;
    let enrolled: Value = serde_json::from_slice(response.body()).unwrap();
    let code = enrolled["code"].as_str().unwrap();
    let not_found = (404, json!({"error": "enrolment not found"}));
    for number in 0..GUESSES {
        // The beginning of the code is right.
        let guess = format!("{}-{:04}-{:04}", &code[..9], number / 10_000, number % 10_000);
        if guess != code {
            assert_eq!(redeem(&guess).await, not_found, "{guess}");
        }
    }
    assert_eq!(redeem(code).await.0, 200);
}

#[tokio::test]
async fn ten_thousand_guessed_codes_in_memory() {
    guesses_are_not_found(MemoryStore::default()).await;
}

#[tokio::test]
async fn ten_thousand_guessed_codes_on_dynamodb() {
    guesses_are_not_found(EmbeddedDynamoDb::start().await.unwrap().store()).await;
}

/// The longest records: a token of as many workspaces as its caller may have, with the longest texts.
#[tokio::test]
async fn page_of_longest_tokens_fits_into_response() {
    let store = MemoryStore::default();
    let now = SystemClock.now();
    let workspaces: Vec<WorkspaceId> = (0..WORKSPACES_PER_TOKEN)
        .map(|number| format!("00000000-0000-4000-8000-{number:012x}").parse().unwrap())
        .collect();
    for number in 0..=TOKENS_PER_PAGE {
        let token = Token::new(Scope::Daemon, &number.to_string());
        let record = TokenRecord {
            hash: token.hash(),
            subject: longest(number).try_into().unwrap(),
            scopes: Scope::ALL.iter().copied().collect(),
            workspaces: Workspaces::new(workspaces.iter().copied()).unwrap(),
            daemon_id: Some(longest(number).try_into().unwrap()),
            created_at: now,
            expires_at: Some(now + Duration::from_secs(3_600)),
            last_four: token.last_four(),
            last_used_at: Some(now),
        };
        store.issue_token(&record).await.unwrap();
    }
    let state = AppState::new(store);
    let caller = AuthorizerContext {
        subject: "admin".to_owned(),
        token_id: None,
        scopes: vec![Scope::Admin],
        workspaces: workspaces.clone(),
        daemon_id: None,
    };
    let path = format!("/api/tokens?workspace_id={}", workspaces[0]);
    let request = event_from(&caller, Function::ListTokens, &path, &Value::Null, now);
    let response = invoke(Function::ListTokens, &state, &state, &request).await;
    assert!(response.headers().contains_key("link"), "one token is on the next page");
    let event = serde_json::to_string(&doorbell_shared::http::event::response(response)).unwrap();
    assert!(event.matches(r#"last_four"#).count() == TOKENS_PER_PAGE);
    assert!(event.len() < 3_000_000, "{} bytes", event.len());
}
