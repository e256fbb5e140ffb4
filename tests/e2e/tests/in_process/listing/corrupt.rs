//! Stored runtimes that this version would not write. A version without limits on texts accepted control characters.

use doorbell_protocol::WorkspaceId;
use doorbell_protocol::limits::TEXT_CHARS;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};
use doorbell_test_support::log::CapturedLog;
use serde_json::{Value, json};

use crate::listing::fixtures::{Caller, ids, workspaces};

/// Three runtimes of a workspace; returns their ids.
async fn registered(caller: &Caller, workspace: WorkspaceId) -> Vec<String> {
    for text in ["a", "b", "c"] {
        caller.register(workspace, text).await;
    }
    ids(&[caller.list("/api/runtimes").await]).into_iter().collect()
}

/// Replaces an attribute of a stored runtime.
fn store(engine: &EmbeddedDynamoDb, runtime: &str, attribute: &str, value: &Value) {
    let body = json!({
        "TableName": TABLE,
        "Key": {"pk": {"S": format!("runtime#{runtime}")}, "sk": {"S": "runtime"}},
        "UpdateExpression": "SET #attribute = :value",
        "ExpressionAttributeNames": {"#attribute": attribute},
        "ExpressionAttributeValues": {":value": value},
    });
    assert_eq!(engine.respond("DynamoDB_20120810.UpdateItem", body.to_string().as_bytes()).status, 200);
}

#[tokio::test]
async fn stored_texts_are_listed_cleaned() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(1);
    let caller = Caller::new(engine.store(), &workspaces);
    let runtimes = registered(&caller, workspaces[0]).await;
    store(&engine, &runtimes[1], "name", &json!({"S": "my\tlaptop\u{1b}"}));
    store(&engine, &runtimes[1], "version", &json!({"S": "1".repeat(TEXT_CHARS + 1)}));
    let page = caller.list("/api/runtimes").await;
    assert_eq!(page.status, 200, "{}", page.records);
    let records = page.records.as_array().unwrap();
    let listed = records.iter().find(|record| record["id"] == runtimes[1]).unwrap();
    assert_eq!(listed["name"], "mylaptop");
    assert_eq!(listed["metadata"]["version"], "1".repeat(TEXT_CHARS));
    assert_eq!(caller.forget(&runtimes[1]).await, 200);
    assert_eq!(ids(&[caller.list("/api/runtimes").await]).len(), 2);
}

/// One item must not hide the others.
#[tokio::test]
async fn undecodable_runtime_is_skipped_and_forgettable() {
    let engine = EmbeddedDynamoDb::start().await.unwrap();
    let workspaces = workspaces(1);
    let caller = Caller::new(engine.store(), &workspaces);
    let mut runtimes = registered(&caller, workspaces[0]).await;
    let corrupt = runtimes.remove(1);
    for (attribute, value) in [("registered_at", json!({"N": "9e17"})), ("name", json!({"BOOL": true}))] {
        store(&engine, &corrupt, attribute, &value);
        let (log, _guard) = CapturedLog::capture();
        assert_eq!(
            ids(&caller.list_all("/api/runtimes?limit=1").await).into_iter().collect::<Vec<_>>(),
            runtimes
        );
        let lines = log.lines("runtime with a corrupt item not listed");
        assert!(!lines.is_empty(), "{}", log.text());
        assert!(lines.iter().all(|line| line["level"] == "WARN" && line["id"] == corrupt), "{lines:?}");
    }
    assert_eq!(caller.forget(&corrupt).await, 200);
    assert_eq!(caller.forget(&corrupt).await, 404);
}
