//! Who is let in, and until when.
#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::time::Duration;

use super::Scene;
use super::scene::TICK;
use crate::access::Workspaces;
use crate::id_gen;
use crate::runtime::ShortText;
use crate::store::{RevokeOutcome, Store, TokenStore};
use crate::token::{Token, TokenRecord};
use doorbell_protocol::Scope;
use doorbell_protocol::WorkspaceId;

fn issued<S: Store>(scene: &Scene<S>, others: &[WorkspaceId], lasts: Option<Duration>) -> TokenRecord {
    let token: Token = id_gen::token(Scope::Daemon).unwrap();
    TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from("build machine".to_owned()).unwrap(),
        scopes: [Scope::Daemon].into(),
        workspaces: others.iter().copied().chain([scene.workspace]).collect::<Workspaces>(),
        created_at: scene.start,
        expires_at: lasts.map(|lasts| scene.start + lasts),
        last_four: token.last_four(),
    }
}

/// On every node, with all that it was issued with.
pub async fn a_token_is_known_once_issued<S: Store + TokenStore>(scene: Scene<S>) {
    let record = issued(&scene, &[], Some(Duration::from_millis(90_500)));
    assert_eq!(scene.there.find_token(record.hash, scene.start).await.unwrap(), None);
    scene.here.issue_token(&record).await.unwrap();
    assert_eq!(scene.there.find_token(record.hash, scene.start).await.unwrap(), Some(record));
}

/// To the millisecond, whether or not the store has deleted it.
pub async fn a_token_is_refused_from_its_expiry_on<S: Store + TokenStore>(scene: Scene<S>) {
    let record = issued(&scene, &[], Some(Duration::from_millis(90_500)));
    scene.here.issue_token(&record).await.unwrap();
    let end = record.expires_at.unwrap();
    assert!(scene.there.find_token(record.hash, end - TICK).await.unwrap().is_some());
    assert_eq!(scene.there.find_token(record.hash, end).await.unwrap(), None);
    assert_eq!(scene.there.list_tokens(scene.workspace, end).await.unwrap(), []);
}

/// In every workspace that it was issued for.
pub async fn a_revoked_token_is_refused_at_once<S: Store + TokenStore>(scene: Scene<S>) {
    let other = scene.stranger().iter().next().unwrap();
    let record = issued(&scene, &[other], None);
    scene.here.issue_token(&record).await.unwrap();
    assert_eq!(scene.here.revoke_token(scene.workspace, record.hash).await.unwrap(), RevokeOutcome::Revoked);
    assert_eq!(scene.there.find_token(record.hash, scene.start).await.unwrap(), None);
    for workspace in [scene.workspace, other] {
        assert_eq!(scene.there.list_tokens(workspace, scene.start).await.unwrap(), []);
    }
    assert_eq!(scene.here.revoke_token(scene.workspace, record.hash).await.unwrap(), RevokeOutcome::NotFound);
}

/// And can be revoked by those of the workspace only.
pub async fn tokens_are_listed_by_workspace<S: Store + TokenStore>(scene: Scene<S>) {
    let other = scene.stranger().iter().next().unwrap();
    let (ours, shared) = (issued(&scene, &[], None), issued(&scene, &[other], None));
    for record in [&ours, &shared] {
        scene.here.issue_token(record).await.unwrap();
    }
    assert_eq!(scene.there.list_tokens(scene.workspace, scene.start).await.unwrap().len(), 2);
    assert_eq!(scene.there.list_tokens(other, scene.start).await.unwrap(), [shared]);
    assert_eq!(scene.here.revoke_token(other, ours.hash).await.unwrap(), RevokeOutcome::NotFound);
    assert!(scene.there.find_token(ours.hash, scene.start).await.unwrap().is_some());
}

/// A workspace's tokens and runtimes share a partition.
pub async fn tokens_are_not_listed_as_runtimes<S: Store + TokenStore>(scene: Scene<S>) {
    scene.here.issue_token(&issued(&scene, &[], None)).await.unwrap();
    let runtimes = scene.there.list_runtimes(scene.workspace, scene.start).await.unwrap();
    assert_eq!(runtimes.iter().map(|runtime| runtime.id).collect::<Vec<_>>(), [scene.runtime]);
}
