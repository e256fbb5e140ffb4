//! Opaque tokens.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use super::TestContext;
use super::context::TICK;
use crate::access::Workspaces;
use crate::id_gen;
use crate::limits::TOKEN_USE_INTERVAL;
use crate::push::ClientId;
use crate::runtime::ShortText;
use crate::store::{FindTokenOutcome, RevokeOutcome, Store, TokenStore};
use crate::token::{Token, TokenHash, TokenRecord};
use doorbell_protocol::Scope;
use doorbell_protocol::Timestamp;
use doorbell_protocol::WorkspaceId;

fn issued<S: Store>(test: &TestContext<S>, others: &[WorkspaceId], lasts: Option<Duration>) -> TokenRecord {
    let token: Token = id_gen::token(Scope::Daemon).unwrap();
    TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from("build machine".to_owned()).unwrap(),
        scopes: [Scope::Daemon].into(),
        workspaces: Workspaces::new(others.iter().copied().chain([test.workspace])).unwrap(),
        created_at: test.start,
        expires_at: lasts.map(|lasts| test.start + lasts),
        last_four: token.last_four(),
        daemon_id: None,
        last_used_at: None,
    }
}

/// The valid token on `store`.
async fn find(store: &impl TokenStore, hash: TokenHash, now: Timestamp) -> Option<TokenRecord> {
    match store.find_token(hash, now).await.unwrap() {
        FindTokenOutcome::Found(record) => Some(record),
        FindTokenOutcome::TooManyWorkspaces | FindTokenOutcome::NotFound => None,
    }
}

pub async fn finds_issued_token<S: Store + TokenStore>(test: TestContext<S>) {
    let record = issued(&test, &[], Some(Duration::from_millis(90_500)));
    assert_eq!(find(&test.replica_b, record.hash, test.start).await, None);
    test.replica_a.issue_token(&record).await.unwrap();
    assert_eq!(find(&test.replica_b, record.hash, test.start).await, Some(record));
}

/// Whether or not TTL has deleted it.
pub async fn hides_token_from_its_expiry<S: Store + TokenStore>(test: TestContext<S>) {
    let record = issued(&test, &[], Some(Duration::from_millis(90_500)));
    test.replica_a.issue_token(&record).await.unwrap();
    let end = record.expires_at.unwrap();
    assert!(find(&test.replica_b, record.hash, end - TICK).await.is_some());
    assert_eq!(find(&test.replica_b, record.hash, end).await, None);
    assert_eq!(test.replica_b.list_tokens(test.workspace, end).await.unwrap(), []);
}

/// In each of its workspaces.
pub async fn hides_revoked_token_at_once<S: Store + TokenStore>(test: TestContext<S>) {
    let other = test.other_tenant().workspaces.iter().next().unwrap();
    let record = issued(&test, &[other], None);
    test.replica_a.issue_token(&record).await.unwrap();
    assert_eq!(
        test.replica_a.revoke_token(test.workspace, record.hash).await.unwrap(),
        RevokeOutcome::Revoked
    );
    assert_eq!(find(&test.replica_b, record.hash, test.start).await, None);
    for workspace in [test.workspace, other] {
        assert_eq!(test.replica_b.list_tokens(workspace, test.start).await.unwrap(), []);
    }
    assert_eq!(
        test.replica_a.revoke_token(test.workspace, record.hash).await.unwrap(),
        RevokeOutcome::NotFound
    );
}

pub async fn lists_tokens_by_workspace<S: Store + TokenStore>(test: TestContext<S>) {
    let other = test.other_tenant().workspaces.iter().next().unwrap();
    let ours = issued(&test, &[], None);
    let shared = issued(&test, &[other], None);
    for record in [&ours, &shared] {
        test.replica_a.issue_token(record).await.unwrap();
    }
    assert_eq!(test.replica_b.list_tokens(test.workspace, test.start).await.unwrap().len(), 2);
    assert_eq!(test.replica_b.list_tokens(other, test.start).await.unwrap(), [shared]);
    assert_eq!(test.replica_a.revoke_token(other, ours.hash).await.unwrap(), RevokeOutcome::NotFound);
    assert!(find(&test.replica_b, ours.hash, test.start).await.is_some());
}

/// When the token was last used, as `replica_b` shows it after a use at `now`.
async fn last_used<S: Store + TokenStore>(
    test: &TestContext<S>,
    hash: TokenHash,
    now: Timestamp,
) -> Option<Timestamp> {
    test.replica_a.record_token_use(hash, now).await.unwrap();
    let [listed] = &test.replica_b.list_tokens(test.workspace, now).await.unwrap()[..] else { return None };
    listed.last_used_at
}

pub async fn records_token_use_once_a_day<S: Store + TokenStore>(test: TestContext<S>) {
    let record = issued(&test, &[], None);
    test.replica_a.issue_token(&record).await.unwrap();
    let tomorrow = test.start + TOKEN_USE_INTERVAL;
    assert_eq!(last_used(&test, record.hash, test.start).await, Some(test.start), "the first use");
    assert_eq!(last_used(&test, record.hash, test.at(1)).await, Some(test.start));
    assert_eq!(last_used(&test, record.hash, tomorrow).await, Some(test.start));
    assert_eq!(last_used(&test, record.hash, tomorrow + TICK).await, Some(tomorrow + TICK), "a day later");
}

/// An item with a time of use only could be neither found nor revoked.
pub async fn use_of_revoked_token_is_not_recorded<S: Store + TokenStore>(test: TestContext<S>) {
    let record = issued(&test, &[], None);
    test.replica_a.issue_token(&record).await.unwrap();
    test.replica_b.revoke_token(test.workspace, record.hash).await.unwrap();
    test.replica_a.record_token_use(record.hash, test.start).await.unwrap();
    assert_eq!(find(&test.replica_b, record.hash, test.start).await, None);
}

/// A workspace's tokens and runtimes share a partition.
pub async fn lists_no_token_as_runtime<S: Store + TokenStore>(test: TestContext<S>) {
    test.replica_a.issue_token(&issued(&test, &[], None)).await.unwrap();
    let runtimes = test.list_runtimes(test.start).await;
    assert_eq!(runtimes.iter().map(|runtime| runtime.id).collect::<Vec<_>>(), [test.runtime]);
}

/// The clients that the token has connected as, on replica B, in order.
async fn connections<S: Store + TokenStore>(test: &TestContext<S>, hash: TokenHash) -> Vec<ClientId> {
    let mut clients = test.replica_b.find_token_connections(hash).await.unwrap();
    clients.sort();
    clients
}

/// A connection that is recorded again is one.
pub async fn pages_contain_every_token_once<S: Store + TokenStore>(test: TestContext<S>) {
    let mut issued: Vec<_> = (0..7).map(|_| issued(&test, &[], None)).collect();
    let expired = TokenRecord { expires_at: Some(test.start), ..issued[3].clone() };
    issued[3] = expired.clone();
    for record in &issued {
        test.replica_a.issue_token(record).await.unwrap();
    }
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = test.replica_b.list_token_page(test.workspace, after, 3, test.start).await.unwrap();
        assert!(page.tokens.len() <= 3, "{page:?}");
        assert!(page.next.is_none() || page.next > after, "{page:?}");
        listed.extend(page.tokens);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    issued.retain(|record| *record != expired);
    issued.sort_unstable_by_key(|record| record.hash);
    assert_eq!(listed, issued);
    let all = test.replica_b.list_token_page(test.workspace, None, 7, test.start).await.unwrap();
    assert_eq!((all.tokens, all.next), (issued, None));
}

/// Of an expired token as well, which TTL deletes late.
pub async fn finds_token_by_id_in_its_workspace<S: Store + TokenStore>(test: TestContext<S>) {
    let other = test.other_tenant().workspaces.iter().next().unwrap();
    let ours = issued(&test, &[], Some(Duration::ZERO));
    let shared = issued(&test, &[other], None);
    for record in [&ours, &shared] {
        test.replica_a.issue_token(record).await.unwrap();
    }
    let find = async |workspace, record: &TokenRecord| {
        test.replica_b.find_token_hash(workspace, record.hash.id()).await.unwrap()
    };
    assert_eq!(find(test.workspace, &ours).await, Some(ours.hash));
    assert_eq!(find(test.workspace, &shared).await, Some(shared.hash));
    assert_eq!(find(other, &shared).await, Some(shared.hash));
    assert_eq!(find(other, &ours).await, None);
    test.replica_a.revoke_token(test.workspace, shared.hash).await.unwrap();
    assert_eq!(find(other, &shared).await, None);
}

pub async fn finds_connections_of_one_token<S: Store + TokenStore>(test: TestContext<S>) {
    let [first, second] = [issued(&test, &[], None), issued(&test, &[], None)];
    let mut clients = ["a", "b"].map(|daemon| test.client(daemon));
    clients.sort();
    for record in [&first, &second] {
        test.replica_a.issue_token(record).await.unwrap();
        assert_eq!(connections(&test, record.hash).await, []);
    }
    for (hash, client) in [
        (first.hash, &clients[0]),
        (first.hash, &clients[1]),
        (first.hash, &clients[0]),
        (second.hash, &clients[1]),
    ] {
        test.replica_a.record_token_connection(hash, client, test.start).await.unwrap();
    }
    assert_eq!(connections(&test, first.hash).await, clients);
    assert_eq!(connections(&test, second.hash).await, clients[1..]);
    let listed = test.replica_b.list_tokens(test.workspace, test.start).await.unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(find(&test.replica_b, first.hash, test.start).await, Some(first));
}

/// They are closed after the revocation, so that none is opened in between.
pub async fn revoked_token_shows_its_connections<S: Store + TokenStore>(test: TestContext<S>) {
    let record = issued(&test, &[], None);
    test.replica_a.issue_token(&record).await.unwrap();
    let client = test.client("a");
    test.replica_a.record_token_connection(record.hash, &client, test.start).await.unwrap();
    test.replica_a.revoke_token(test.workspace, record.hash).await.unwrap();
    assert_eq!(connections(&test, record.hash).await, [client]);
    assert_eq!(find(&test.replica_b, record.hash, test.start).await, None);
}
