//! The limits that only this store has to keep itself.

use std::ops::Range;
use std::time::Duration;

use doorbell_protocol::limits::{RETENTION, RUNTIMES_PER_WORKSPACE};

use super::*;
use crate::limits::RUNTIME_RETENTION;
use crate::questions::Questions;
use crate::runtime::{RuntimeDescription, ShortText};

async fn register(
    store: &MemoryStore,
    daemon_id: &str,
    runtimes: Range<usize>,
    now: Timestamp,
) -> RegisterOutcome {
    let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
    let text = |text: &str| ShortText::try_from(text.to_owned()).unwrap();
    let description = |number: usize| RuntimeDescription {
        provider: text(&number.to_string()),
        profile_id: None,
        name: text("n"),
        version: None,
        online: true,
        questions: Questions::default(),
    };
    let registration = Registration {
        workspace,
        daemon_id: text(daemon_id),
        device_name: None,
        cli_version: None,
        owner_id: None,
        runtimes: runtimes.map(description).collect(),
    };
    let namespace = RuntimeIdNamespace::from_uuid(uuid::Uuid::from_u128(1));
    store.register(registration, namespace, now).await.unwrap()
}

/// The suite `limits` tests the same on DynamoDB.
#[tokio::test]
async fn full_workspace_accepts_known_runtimes_only() {
    const MOST: usize = RUNTIMES_PER_WORKSPACE;
    let store = MemoryStore::default();
    let start = Timestamp::from_millis(1_000_000).unwrap();
    assert_eq!(register(&store, "d", 0..MOST + 1, start).await, RegisterOutcome::WorkspaceFull);
    assert_eq!(store.contents().runtimes.len(), 0, "a part was written");
    let is_registered = |outcome| matches!(outcome, RegisterOutcome::Registered(_));
    assert!(is_registered(register(&store, "d", 0..MOST, start).await));
    assert_eq!(register(&store, "d", MOST - 1..MOST + 1, start).await, RegisterOutcome::WorkspaceFull);
    assert!(is_registered(register(&store, "d", 0..MOST, start).await));
    let expired = start + RUNTIME_RETENTION + Duration::from_millis(1);
    assert!(is_registered(register(&store, "d", MOST..MOST + 1, expired).await));
}

#[tokio::test]
async fn evicts_expired_runtimes() {
    let store = MemoryStore::default();
    let start = Timestamp::from_millis(1_000_000).unwrap();
    for daemon_id in ["a", "b", "c"] {
        register(&store, daemon_id, 0..1, start).await;
    }
    register(&store, "d", 0..1, start + RUNTIME_RETENTION + RETENTION).await;
    assert_eq!(store.contents().runtimes.len(), 1);
}
