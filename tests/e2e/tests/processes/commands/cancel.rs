//! `doorbell cancel`.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::support::any_kind::{REQUEST, id, listed, number_of, record, reply, run, text};
use crate::support::records::RUNTIME;

/// The request is R2's.
async fn cancelling(status: &'static str, more: &'static str) -> ScriptedServer {
    ScriptedServer::start(move |call| match call.method.as_str() {
        "DELETE" if number_of(call) == 2 => reply(status, more),
        "DELETE" => Reply::error(404, "request not found"),
        _ => Reply::Json(200, json!([listed(1, "codex", json!({})), listed(2, "opencode", json!({}))])),
    })
    .await
}

#[tokio::test]
async fn cancel_finds_runtime_of_request() {
    let ended = run(&cancelling("failed", r#","error":"cancelled""#).await, &["cancel", REQUEST]).await;
    assert_eq!(text(&ended), (Some(0), "", format!("Request {REQUEST} is cancelled.\n").as_str()));
}

#[tokio::test]
async fn cancel_asks_only_named_runtime() {
    let server = cancelling("failed", r#","error":"cancelled""#).await;
    for runtime in ["R2", &id(2)] {
        let ended = run(&server, &["cancel", REQUEST, "--runtime", runtime]).await;
        assert_eq!(text(&ended), (Some(0), "", format!("Request {REQUEST} is cancelled.\n").as_str()));
    }
    let asked: Vec<_> = server.calls().iter().filter(|call| call.method == "DELETE").map(number_of).collect();
    assert_eq!(asked, [2, 2]);
}

#[tokio::test]
async fn cancel_tells_that_request_had_ended() {
    for (status, more) in [("completed", ""), ("failed", r#","error":"no disk""#), ("timeout", "")] {
        let ended = run(&cancelling(status, more).await, &["cancel", REQUEST]).await;
        let note = format!("Request {REQUEST} had ended before: {status}.\n");
        assert_eq!(text(&ended), (Some(0), "", note.as_str()));
    }
}

#[tokio::test]
async fn cancel_json_is_record() {
    let more = r#","error":"cancelled""#;
    let ended = run(&cancelling("failed", more).await, &["cancel", REQUEST, "--json"]).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(&record("failed", more)).unwrap());
    assert_eq!(ended.stderr, "");
}

#[tokio::test]
async fn cancel_of_unknown_request_has_remedy() {
    let server = ScriptedServer::start(|call| match call.method.as_str() {
        "DELETE" => Reply::error(404, "request not found"),
        _ => Reply::Json(200, json!([listed(1, "codex", json!({}))])),
    });
    let server = server.await;
    let ended = run(&server, &["cancel", REQUEST]).await;
    let expected = format!("error: no runtime that is listed has the request {REQUEST}\nhelp: check the id ");
    assert!(ended.code == Some(1) && ended.stderr.starts_with(&expected), "{}", ended.stderr);
    let ended = run(&server, &["cancel", REQUEST, "--runtime", RUNTIME]).await;
    assert_eq!((ended.code, ended.stderr.starts_with("error: request not found\n")), (Some(1), true));
}
