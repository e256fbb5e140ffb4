//! TTL: expired items are hidden at once and deleted later.

use std::time::Duration;

use doorbell_protocol::Scope;
use doorbell_protocol::Timestamp;
use doorbell_shared::access::Workspaces;
use doorbell_shared::clock::{Clock as _, Stopwatch, SystemClock};
use doorbell_shared::id_gen;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::{FindTokenOutcome, TokenStore as _};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_test_support::stack;
use reqwest::Method;

/// Emulators delete expired items once a minute; API Gateway caches the authorizer for a minute by default.
const TIMEOUT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_secs(1);

/// Stores a token of workspace A's user.
async fn issue(expires_at: Timestamp) -> Token {
    let token = id_gen::token(Scope::User).unwrap();
    let record = TokenRecord {
        hash: token.hash(),
        subject: "stack suite".to_owned().try_into().unwrap(),
        scopes: [Scope::User].into(),
        workspaces: Workspaces::of(stack::client().a.id.parse().unwrap()),
        created_at: SystemClock.now(),
        expires_at: Some(expires_at),
        last_four: token.last_four(),
        daemon_id: None,
        last_used_at: None,
    };
    stack::store().await.issue_token(&record).await.unwrap();
    token
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn deletes_expired_items_only() {
    let store = stack::store().await;
    let start = SystemClock.now();
    let lasting = issue(start + Duration::from_secs(3600)).await;
    let expiring = issue(start + Duration::from_secs(1)).await;
    // As of `start`, the store shows the token until TTL deletes it.
    assert!(is_stored(&store, &expiring, start).await);
    let since = Stopwatch::start();
    while is_stored(&store, &expiring, start).await {
        assert!(since.elapsed() < TIMEOUT, "not deleted after {TIMEOUT:?}: is TTL enabled on expires_at?");
        tokio::time::sleep(POLL).await;
    }
    assert!(is_stored(&store, &lasting, start).await);
}

async fn is_stored(store: &DynamoDbStore, token: &Token, now: Timestamp) -> bool {
    matches!(store.find_token(token.hash(), now).await.unwrap(), FindTokenOutcome::Found(_))
}

/// Whether a token was rejected while it was still in the table.
async fn is_rejected_before_deletion(lasts: Duration) -> bool {
    let client = stack::client();
    let start = SystemClock.now();
    let token = issue(start + lasts).await;
    let status = async || {
        let request = client.request(Method::GET, "/api/runtimes").bearer_auth(token.reveal());
        client.send(request).await.status
    };
    assert_eq!(status().await, 200);
    tokio::time::sleep(lasts).await;
    let since = Stopwatch::start();
    while status().await == 200 {
        assert!(since.elapsed() < TIMEOUT, "accepted {:?} after its expiry", since.elapsed());
        tokio::time::sleep(POLL).await;
    }
    assert_eq!(status().await, 401);
    is_stored(&stack::store().await, &token, start).await
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn rejects_expired_token_before_deletion() {
    for _ in 0..3 {
        // An emulator may delete it within the same second.
        if is_rejected_before_deletion(Duration::from_secs(5)).await {
            return;
        }
    }
    panic!("expired tokens are accepted until they are deleted");
}
