//! `doorbell token` with the API.

use doorbell_shared::token::Token;
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::support::api::WORKSPACE_A;
use crate::support::machine::Machine;
use crate::support::process::Ended;

const ADMIN: &str = "dba_example";

fn info(id: &str, subject: &str) -> Value {
    json!({
        "id": id, "subject": subject, "scopes": ["daemon"], "workspaces": [WORKSPACE_A], "daemon_id": "build-7",
        "created_at": "2026-11-01T12:00:00.000Z", "last_four": "wxyz",
    })
}

fn issued() -> Value {
    let mut issued = info("1f0c9a2b7d3e", "ci");
    issued["token"] = "dbd_example".into();
    issued
}

/// A server with two tokens.
async fn server() -> ScriptedServer {
    ScriptedServer::start(|call| match call.method.as_str() {
        "POST" => Reply::Json(200, issued()),
        "DELETE" => Reply::Json(200, json!({ "status": "ok" })),
        _ => Reply::Json(200, json!([info("1f0c9a2b7d3e", "ci"), info("1f99aaaaaaaa", "x\u{1b}[2J")])),
    })
    .await
}

async fn token(server: &ScriptedServer, arguments: &[&str]) -> Ended {
    let connection = ["--url", &server.url(), "--token", ADMIN];
    Machine::new().run(&[&["token"], arguments, &connection].concat()).await
}

fn paths(server: &ScriptedServer) -> Vec<String> {
    server.calls().into_iter().map(|call| format!("{} {}", call.method, call.path)).collect()
}

#[tokio::test]
async fn create_sends_scope_subject_expiry_and_daemon() {
    let server = server().await;
    let options = ["--scope", "daemon", "--subject", " ci ", "--expires", "2d", "--daemon-id", "build-7"];
    let ended = token(&server, &[&["create"], options.as_slice()].concat()).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "dbd_example\n"), "{}", ended.stderr);
    let calls = server.calls();
    assert_eq!(paths(&server), ["POST /api/tokens"]);
    assert_eq!(calls[0].authorization, [format!("Bearer {ADMIN}")]);
    let body = json!({
        "workspace_id": WORKSPACE_A, "scope": "daemon", "subject": "ci", "expires_in_s": 172_800, "daemon_id": "build-7",
    });
    assert_eq!(calls[0].body, body);
}

#[tokio::test]
async fn create_prints_json_of_api() {
    let server = server().await;
    let ended = token(&server, &["create", "--scope", "user", "--subject", "ci", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), issued());
}

#[tokio::test]
async fn unbound_daemon_token_recommends_enrolment() {
    let server = server().await;
    let create = async |options: &[&str]| {
        let create = ["create", "--subject", "ci"];
        token(&server, &[&create, options].concat()).await.stderr.contains("doorbell enrol")
    };
    assert!(create(&["--scope", "daemon"]).await);
    assert!(!create(&["--scope", "daemon", "--daemon-id", "a"]).await);
    assert!(!create(&["--scope", "user"]).await);
}

#[tokio::test]
async fn list_shows_daemon_and_no_escape() {
    let server = server().await;
    let listed = token(&server, &["list"]).await;
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(listed.stdout.contains("DAEMON") && listed.stdout.contains("build-7"), "{}", listed.stdout);
    assert!(!listed.stdout.contains('\u{1b}'), "{}", listed.stdout);
    assert_eq!(paths(&server), [format!("GET /api/tokens?workspace_id={WORKSPACE_A}")]);
}

#[tokio::test]
async fn revokes_token_hash_id_and_unique_prefix() {
    let hash = Token::parse("dbu_example").unwrap().hash();
    let id = hash.id().to_string();
    for (name, id) in [
        ("dbu_example", id.as_str()),
        (&hash.to_string(), &id),
        ("1f0c9a2b7d3e", "1f0c9a2b7d3e"),
        ("1f0", "1f0c9a2b7d3e"),
    ] {
        let server = server().await;
        let ended = token(&server, &["revoke", name]).await;
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.stderr);
        let expected = format!("DELETE /api/tokens/{id}?workspace_id={WORKSPACE_A}");
        assert_eq!(paths(&server).last(), Some(&expected), "{name}");
        assert!(server.calls().iter().all(|call| !call.path.contains("dbu_")), "the token was sent");
    }
}

#[tokio::test]
async fn refuses_ambiguous_and_unknown_ids() {
    for (name, error) in [
        ("1f", "error: several tokens have an id with this beginning"),
        ("2", "error: no token of the workspace has that id"),
    ] {
        let server = server().await;
        let ended = token(&server, &["revoke", name]).await;
        assert_eq!((ended.code, ended.stderr.lines().next()), (Some(1), Some(error)), "{name}");
        assert_eq!(paths(&server).len(), 1, "{name}");
    }
}

#[tokio::test]
async fn id_of_server_stays_out_of_path() {
    let server = ScriptedServer::replying(Reply::Json(200, json!([info("../runtimes", "x")]))).await;
    let ended = token(&server, &["revoke", ".."]).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(paths(&server).len(), 1);
}

#[tokio::test]
async fn refuses_several_workspaces() {
    let server = server().await;
    let other = "00000000-0000-4000-8000-00000000000b";
    let options = ["--scope", "user", "--subject", "me", "--workspace", WORKSPACE_A, "--workspace", other];
    let ended = token(&server, &[&["create"], options.as_slice()].concat()).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--store"), "{}", ended.stderr);
    assert_eq!(paths(&server).len(), 0);
}

#[tokio::test]
async fn unknown_token_has_hint() {
    let server = ScriptedServer::replying(Reply::error(404, "token not found")).await;
    let ended = token(&server, &["revoke", "1f0c9a2b7d3e"]).await;
    let expected = "error: token not found\nhelp: `doorbell token list` lists the tokens of a workspace\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), expected));
}

#[tokio::test]
async fn data_file_needs_embedded_store() {
    let ended = Machine::new().run(&["token", "list", "--data", "doorbell.db"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--store embedded"), "{}", ended.stderr);
}
