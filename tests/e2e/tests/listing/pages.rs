//! Sizes of pages, and completeness over all pages.

use doorbell_protocol::limits::{RUNTIMES_PER_PAGE, TEXT_CHARS};
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};
use serde_json::json;

use crate::fixtures::{Caller, ids, seed, workspaces};

/// A larger response fails the call (AWS, "Lambda quotas": 6 MB for a synchronous invocation).
const LAMBDA_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// The texts of a record, and where they are. Fields that do not exist yet count as well.
const TEXTS: [&str; 8] = [
    "/daemon_id",
    "/name",
    "/provider",
    "/profile_id",
    "/device_info",
    "/owner_id",
    "/metadata/version",
    "/metadata/cli_version",
];

/// The maximum bytes of a character after both JSON encodings: a control character becomes `\\u0001`. In a body alone it has 6.
const CONTROL_CHAR_BYTES: usize = 7;

/// The maximum bytes of a field besides its text: name, quotes, colon and comma, each quote escaped.
const FIELD_BYTES: usize = 32;

/// A quote becomes `\\\"`, as many bytes as the longest characters have in UTF-8. Control characters are longer, but not every
/// text accepts them, so the page has quotes, and the difference is added for each text.
#[tokio::test]
async fn largest_page_fits_lambda_response() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(1);
    seed(&engine, &workspaces, RUNTIMES_PER_PAGE + 1, &"\"".repeat(TEXT_CHARS)).await;
    let page = Caller::new(engine.store(), &workspaces).list("/api/runtimes").await;
    let records = page.records.as_array().unwrap();
    assert_eq!((records.len(), page.next.is_some()), (RUNTIMES_PER_PAGE, true));

    let encoded = |text: &str| 2 * text.len() + 2 * text.matches('"').count();
    let missing = |text: &str| TEXT_CHARS * CONTROL_CHAR_BYTES - text.len() * encoded("\"");
    let largest: usize = records.iter().fold(page.lambda_bytes, |bytes, record| {
        let texts = TEXTS.map(|at| match record.pointer(at).and_then(serde_json::Value::as_str) {
            Some(text) => missing(&text.replace(|other| other != '"', "")),
            None => FIELD_BYTES + missing(""),
        });
        bytes + texts.iter().sum::<usize>()
    });
    println!("a page of {RUNTIMES_PER_PAGE} runtimes: {} bytes, at most {largest}", page.lambda_bytes);
    assert!(page.lambda_bytes > RUNTIMES_PER_PAGE * 3 * TEXT_CHARS * 4, "texts are shorter than their limit");
    assert!(largest <= LAMBDA_RESPONSE_BYTES, "{largest}");
}

async fn lists_each_runtime_once(per_workspace: usize) {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(4);
    let seeded = seed(&engine, &workspaces, per_workspace, &"\"".repeat(TEXT_CHARS)).await;
    let caller = Caller::new(engine.store(), &workspaces);
    let pages = caller.list_all("/api/runtimes").await;
    assert_eq!(ids(&pages), seeded);
    // Only a page that another one follows has a link.
    assert_eq!(pages.len(), seeded.len().div_ceil(RUNTIMES_PER_PAGE));
    assert!(pages.iter().all(|page| page.lambda_bytes <= LAMBDA_RESPONSE_BYTES));

    let one = format!("/api/runtimes?workspace_id={}&limit=300", workspaces[1]);
    let of_one = caller.list_all(&one).await;
    assert_eq!((ids(&of_one).len(), of_one.len()), (per_workspace, per_workspace.div_ceil(300)));
}

/// Pages that end at the end of a workspace, and pages of several.
#[tokio::test]
async fn lists_each_of_1200_runtimes_once() {
    lists_each_runtime_once(300).await;
}

#[tokio::test]
#[ignore = "takes half a minute: cargo test --test listing -- --ignored"]
async fn lists_each_of_20000_runtimes_once() {
    lists_each_runtime_once(5_000).await;
}

/// A token of an organization may be in hundreds of workspaces, most of them empty.
#[tokio::test]
async fn empty_workspaces_add_no_page() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(60);
    let some = [workspaces[7], workspaces[40]];
    let seeded = seed(&engine, &some, 4, "a").await;
    let caller = Caller::new(engine.store(), &workspaces);
    for (limit, expected) in [(1, 8), (4, 2), (5, 2), (8, 1), (9, 1)] {
        let pages = caller.list_all(&format!("/api/runtimes?limit={limit}")).await;
        assert_eq!((ids(&pages), pages.len()), (seeded.clone(), expected), "limit {limit}");
    }
}

/// A crash leaves such a listing, and TTL takes days to delete it.
#[tokio::test]
async fn listing_without_runtime_shortens_page() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(2);
    let mut seeded = seed(&engine, &workspaces, 2, "a").await;
    let caller = Caller::new(engine.store(), &workspaces);
    let first = ids(&[caller.list("/api/runtimes?limit=1").await]).pop_first().unwrap();
    let key = json!({"pk": {"S": format!("runtime#{first}")}, "sk": {"S": "runtime"}});
    let body = json!({"TableName": TABLE, "Key": key}).to_string();
    assert_eq!(engine.respond("DynamoDB_20120810.DeleteItem", body.as_bytes()).status, 200);
    seeded.remove(&first);
    for limit in 1..=4 {
        let pages = caller.list_all(&format!("/api/runtimes?limit={limit}")).await;
        assert_eq!(ids(&pages), seeded, "limit {limit}");
    }
    let shorter = caller.list("/api/runtimes?limit=2").await;
    assert!(shorter.next.is_some(), "{}", shorter.records);
}
