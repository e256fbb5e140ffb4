//! Opaque tokens.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use super::TestContext;
use super::context::TICK;
use crate::access::Workspaces;
use crate::id_gen;
use crate::runtime::ShortText;
use crate::store::{RevokeOutcome, Store, TokenStore};
use crate::token::{Token, TokenRecord};
use doorbell_protocol::Scope;
use doorbell_protocol::WorkspaceId;

fn issued<S: Store>(test: &TestContext<S>, others: &[WorkspaceId], lasts: Option<Duration>) -> TokenRecord {
    let token: Token = id_gen::token(Scope::Daemon).unwrap();
    TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from("build machine".to_owned()).unwrap(),
        scopes: [Scope::Daemon].into(),
        workspaces: others.iter().copied().chain([test.workspace]).collect::<Workspaces>(),
        created_at: test.start,
        expires_at: lasts.map(|lasts| test.start + lasts),
        last_four: token.last_four(),
    }
}

pub async fn finds_issued_token<S: Store + TokenStore>(test: TestContext<S>) {
    let record = issued(&test, &[], Some(Duration::from_millis(90_500)));
    assert_eq!(test.replica_b.find_token(record.hash, test.start).await.unwrap(), None);
    test.replica_a.issue_token(&record).await.unwrap();
    assert_eq!(test.replica_b.find_token(record.hash, test.start).await.unwrap(), Some(record));
}

/// Whether or not TTL has deleted it.
pub async fn hides_token_from_its_expiry<S: Store + TokenStore>(test: TestContext<S>) {
    let record = issued(&test, &[], Some(Duration::from_millis(90_500)));
    test.replica_a.issue_token(&record).await.unwrap();
    let end = record.expires_at.unwrap();
    assert!(test.replica_b.find_token(record.hash, end - TICK).await.unwrap().is_some());
    assert_eq!(test.replica_b.find_token(record.hash, end).await.unwrap(), None);
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
    assert_eq!(test.replica_b.find_token(record.hash, test.start).await.unwrap(), None);
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
    assert!(test.replica_b.find_token(ours.hash, test.start).await.unwrap().is_some());
}

/// A workspace's tokens and runtimes share a partition.
pub async fn lists_no_token_as_runtime<S: Store + TokenStore>(test: TestContext<S>) {
    test.replica_a.issue_token(&issued(&test, &[], None)).await.unwrap();
    let runtimes = test.list_runtimes(test.start).await;
    assert_eq!(runtimes.iter().map(|runtime| runtime.id).collect::<Vec<_>>(), [test.runtime]);
}
