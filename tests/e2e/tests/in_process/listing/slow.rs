//! Lists of a caller in many workspaces, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use doorbell_shared::clock::Stopwatch;
use doorbell_shared::limits::LIST_TIMEOUT;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::interceptor::Delay;

use crate::listing::fixtures::{Caller, ids, seed, workspaces};

/// In sequence, the reads took 2 s.
#[tokio::test(start_paused = true)]
async fn reads_200_workspaces_in_parallel() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(200);
    let seeded = seed(&engine, &workspaces, 1, "a").await;
    let delay = Delay { operation: "Query", delay: Duration::from_millis(10) };
    let caller = Caller::with_interceptor(&engine, Arc::new(delay), &workspaces);
    let running = Stopwatch::start();
    let page = caller.list("/api/runtimes").await;
    assert_eq!(page.next, None);
    assert_eq!(ids(&[page]), seeded);
    let took = running.elapsed();
    assert!(took <= Duration::from_millis(300), "{took:?}");
}

/// Without the limit the call would take 60 s, and Lambda would end it after 10 s.
#[tokio::test(start_paused = true)]
async fn slow_store_ends_page_early() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(30);
    let seeded = seed(&engine, &workspaces, 1, "a").await;
    let delay = Delay { operation: "Query", delay: Duration::from_secs(2) };
    let caller = Caller::with_interceptor(&engine, Arc::new(delay), &workspaces);
    let mut pages = Vec::new();
    let mut next = Some("/api/runtimes".to_owned());
    while let Some(path) = next {
        let running = Stopwatch::start();
        let page = caller.list(&path).await;
        assert!(running.elapsed() <= LIST_TIMEOUT, "{:?}", running.elapsed());
        assert!(page.records.as_array().is_some_and(|records| !records.is_empty()), "{}", page.records);
        next = page.next.clone();
        pages.push(page);
    }
    assert_eq!((ids(&pages), pages.len() > 1), (seeded, true));
}

/// The time limit applies to the others.
#[tokio::test(start_paused = true)]
async fn first_workspace_has_more_time() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(2);
    let seeded = seed(&engine, &workspaces, 1, "a").await;
    let delay = Delay { operation: "Query", delay: LIST_TIMEOUT + Duration::from_secs(1) };
    let caller = Caller::with_interceptor(&engine, Arc::new(delay), &workspaces);
    let pages = caller.list_all("/api/runtimes").await;
    assert_eq!((ids(&pages), pages.len()), (seeded, 2));
}
