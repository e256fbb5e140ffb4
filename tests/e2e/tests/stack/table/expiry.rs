//! TTL: what has expired is hidden at once and deleted some time later, and nothing else is.

use std::time::Duration;

use doorbell_protocol::Scope;
use doorbell_protocol::Timestamp;
use doorbell_shared::clock::{Clock as _, Stopwatch, SystemClock};
use doorbell_shared::id_gen;
use doorbell_shared::store::{TokenStore as _};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_test_support::stack;
use reqwest::Method;

/// Emulators look for what has expired once a minute. A token is remembered by API Gateway for a minute at the most, as the
/// template has it by default.
const LIMIT: Duration = Duration::from_secs(90);
const PACE: Duration = Duration::from_secs(1);

/// A person's token in workspace A that is good until then, in the table.
async fn issue(expires_at: Timestamp) -> Token {
    let token = id_gen::token(Scope::User).unwrap();
    let record = TokenRecord {
        hash: token.hash(),
        subject: "stack suite".to_owned().try_into().unwrap(),
        scopes: [Scope::User].into(),
        workspaces: [stack::client().a.id.parse().unwrap()].into_iter().collect(),
        created_at: SystemClock.now(),
        expires_at: Some(expires_at),
        last_four: token.last_four(),
    };
    stack::store().await.issue_token(&record).await.unwrap();
    token
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn an_expired_item_is_deleted_and_a_good_one_stays() {
    let (store, start) = (stack::store().await, SystemClock.now());
    let lasting = issue(start + Duration::from_secs(3600)).await;
    let expiring = issue(start + Duration::from_secs(1)).await;
    // Asked as of a time at which it was good, the store shows it for as long as it is there.
    assert!(store.token(expiring.hash(), start).await.unwrap().is_some());
    let since = Stopwatch::start();
    while store.token(expiring.hash(), start).await.unwrap().is_some() {
        assert!(since.elapsed() < LIMIT, "still there after {LIMIT:?}: has the table a TTL on expires_at?");
        tokio::time::sleep(PACE).await;
    }
    assert!(store.token(lasting.hash(), start).await.unwrap().is_some());
}

/// Whether a token was refused from its end on, and not only once it was deleted.
async fn is_refused_while_in_the_table(lasts: Duration) -> bool {
    let (client, start) = (stack::client(), SystemClock.now());
    let token = issue(start + lasts).await;
    let status = async || {
        let request = client.request(Method::GET, "/api/runtimes").bearer_auth(token.reveal());
        client.send(request).await.status
    };
    assert_eq!(status().await, 200);
    tokio::time::sleep(lasts).await;
    let since = Stopwatch::start();
    while status().await == 200 {
        assert!(since.elapsed() < LIMIT, "let in {:?} after its end", since.elapsed());
        tokio::time::sleep(PACE).await;
    }
    assert_eq!(status().await, 401);
    stack::store().await.token(token.hash(), start).await.unwrap().is_some()
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn an_expired_token_is_refused_before_it_is_deleted() {
    for _ in 0..3 {
        // An emulator may come by and delete it in this very second.
        if is_refused_while_in_the_table(Duration::from_secs(5)).await {
            return;
        }
    }
    panic!("expired tokens are let in until they are deleted");
}
