//! Sizes of pages, and completeness over all pages.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use doorbell_protocol::limits::{QUESTIONS_BYTES, RUNTIMES_PER_PAGE, TEXT_CHARS};
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, Interceptor, TABLE};
use serde_json::{Value, json};

use crate::listing::fixtures::{Caller, ids, seed, workspaces};

/// A larger response fails the call (AWS, "Lambda quotas": 6 MB for a synchronous invocation).
const LAMBDA_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// The texts of a record.
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

/// A character of four bytes, the most in UTF-8. After both JSON encodings, a quote and a backslash have four as well (`\\\"`).
/// Control characters would have more, but are not accepted.
const LONGEST_CHAR: &str = "\u{1f514}";

#[tokio::test]
async fn largest_page_fits_lambda_response() {
    for letter in [LONGEST_CHAR, "\"", "\\"] {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let workspaces = workspaces(1);
        seed(&engine, &workspaces, RUNTIMES_PER_PAGE + 1, &letter.repeat(TEXT_CHARS)).await;
        let page = Caller::new(engine.store(), &workspaces).list("/api/runtimes?limit=500").await;
        let records = page.records.as_array().unwrap();
        assert_eq!((records.len(), page.next.is_some()), (RUNTIMES_PER_PAGE, true));
        for at in TEXTS {
            let is_longest =
                |record: &Value| record.pointer(at).unwrap().as_str().unwrap().chars().count() == TEXT_CHARS;
            assert!(records.iter().all(is_longest), "{at} of {}", records[0]);
        }
        println!("a page of {RUNTIMES_PER_PAGE} runtimes of {letter}: {} bytes", page.lambda_bytes);
        assert!(page.lambda_bytes <= LAMBDA_RESPONSE_BYTES, "{letter}: {}", page.lambda_bytes);
    }
}

/// Adds the largest questions to a stored runtime: text of backslashes has four times their number after both JSON encodings.
fn declare_largest(engine: &EmbeddedDynamoDb, runtime: &str) {
    let name = json!([{"name": "q", "description": ""}]).to_string();
    let letters = "\\\\".repeat((QUESTIONS_BYTES - name.len()) / 2);
    let questions = name.replace(r#""description":"""#, &format!(r#""description":"{letters}""#));
    let pk = json!({"S": format!("runtime#{runtime}")});
    let item = json!({
        "pk": pk, "sk": {"S": "questions"}, "questions": {"S": questions}, "expires_at": {"N": "1"},
        "workspace_id": {"S": "00000000-0000-4000-8000-000000000001"},
    });
    let put = json!({"TableName": TABLE, "Item": item});
    let update = json!({
        "TableName": TABLE, "Key": {"pk": pk, "sk": {"S": "runtime"}}, "UpdateExpression": "SET has_questions = :yes",
        "ExpressionAttributeValues": {":yes": {"BOOL": true}},
    });
    for (operation, body) in [("PutItem", put), ("UpdateItem", update)] {
        let response = engine.respond(&format!("DynamoDB_20120810.{operation}"), body.to_string().as_bytes());
        assert_eq!(response.status, 200, "{}", response.body);
    }
}

/// In two workspaces on one page, and with the longest texts.
#[tokio::test]
async fn pages_with_largest_questions_fit_lambda_response() {
    const DECLARING: usize = 60;
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(2);
    let seeded = seed(&engine, &workspaces, RUNTIMES_PER_PAGE / 2, &LONGEST_CHAR.repeat(TEXT_CHARS)).await;
    // Every eighth, so that both workspaces have some.
    for runtime in seeded.iter().step_by(8).take(DECLARING) {
        declare_largest(&engine, runtime);
    }
    let pages = Caller::new(engine.store(), &workspaces).list_all("/api/runtimes").await;
    assert_eq!(ids(&pages), seeded);
    let with_questions = pages.iter().flat_map(|page| page.records.as_array().unwrap());
    let with_questions = with_questions.filter(|record| record.get("questions").is_some()).count();
    assert_eq!(with_questions, DECLARING);
    let bytes: Vec<usize> = pages.iter().map(|page| page.lambda_bytes).collect();
    println!("pages of {} runtimes, {DECLARING} with the largest questions: {bytes:?} bytes", seeded.len());
    assert!(bytes.iter().all(|bytes| *bytes <= LAMBDA_RESPONSE_BYTES) && bytes.len() > 1, "{bytes:?}");
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
#[ignore = "takes half a minute: cargo test --test in_process listing:: -- --ignored"]
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

/// Counts the runtimes that are read.
#[derive(Debug, Default)]
struct ReadRuntimes(AtomicUsize);

impl Interceptor for ReadRuntimes {
    fn fault(&self, _operation: &str) -> Fault {
        Fault::None
    }

    fn request<'b>(&self, operation: &str, body: &'b [u8]) -> Cow<'b, [u8]> {
        if operation == "BatchGetItem" {
            let request: Value = serde_json::from_slice(body).unwrap();
            let keys = request["RequestItems"][TABLE]["Keys"].as_array().unwrap();
            self.0.fetch_add(keys.len(), Ordering::SeqCst);
        }
        Cow::Borrowed(body)
    }
}

/// Runtimes that do not fit on the page are read again for the next one: their reads cost twice, and all are in memory.
#[tokio::test]
async fn page_reads_few_runtimes_in_vain() {
    // (empty workspaces, others, runtimes in each, most that a page of 500 reads). A full page reads up to eight runtimes more, to
    // know whether another one follows.
    for (empty, others, runtimes, most) in [(0, 9, 300, 508), (7, 8, 600, 1_000), (0, 60, 20, 508)] {
        let engine = EmbeddedDynamoDb::start().await.unwrap();
        let workspaces = workspaces(empty + others);
        let (_, full) = workspaces.split_at(usize::try_from(empty).unwrap());
        let seeded = seed(&engine, full, runtimes, "a").await;
        let reads = Arc::new(ReadRuntimes::default());
        let caller = Caller::with_interceptor(&engine, Arc::<ReadRuntimes>::clone(&reads), &workspaces);
        let mut pages = vec![caller.list("/api/runtimes").await];
        loop {
            let read = reads.0.swap(0, Ordering::SeqCst);
            println!("{empty} empty, {others} of {runtimes}: page {} reads {read}", pages.len());
            assert!(read <= most, "page {} of {others} of {runtimes}: {read}", pages.len());
            let Some(next) = pages.last().unwrap().next.clone() else { break };
            pages.push(caller.list(&next).await);
        }
        assert_eq!((ids(&pages), pages.len()), (seeded.clone(), seeded.len().div_ceil(RUNTIMES_PER_PAGE)));
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
