//! `doorbell ask` of one runtime, against a scripted server.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::any_kind::{REQUEST, calls, record, reply, run, text};
use crate::support::machine::Machine;
use crate::support::process::Ended;
use crate::support::records::RUNTIME;
use crate::support::terminal::{self, Terminal};

/// A server that answers rings with a pending record and polls with `ended`.
async fn ending(status: &'static str, more: &'static str) -> ScriptedServer {
    ScriptedServer::start(move |call| match call.method.as_str() {
        "POST" => reply("pending", ""),
        _ => reply(status, more),
    })
    .await
}

/// `doorbell ask --wait` of a request that ends like this.
async fn asked(status: &'static str, more: &'static str, options: &[&str]) -> Ended {
    let server = ending(status, more).await;
    run(&server, &[&["ask", RUNTIME, "disk_usage", "--wait"], options].concat()).await
}

#[tokio::test]
async fn without_wait_prints_request_id() {
    let server = ending("completed", "").await;
    let ended = run(&server, &["ask", RUNTIME, "disk_usage"]).await;
    assert_eq!(text(&ended), (Some(0), format!("{REQUEST}\n").as_str(), ""));
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn without_wait_json_is_record() {
    let server = ending("completed", "").await;
    let ended = run(&server, &["ask", RUNTIME, "disk_usage", "--json"]).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(&record("pending", "")).unwrap());
}

/// The id of an answer from a cache cannot be polled.
#[tokio::test]
async fn cached_answer_prints_notice() {
    let server = ScriptedServer::replying(reply("completed", "")).await;
    let ended = run(&server, &["ask", RUNTIME, "disk_usage"]).await;
    let notice = "It is completed already; --wait prints the answer.\n";
    assert_eq!(text(&ended), (Some(0), format!("{REQUEST}\n").as_str(), notice));
}

/// The answer is years old on every clock.
#[tokio::test]
async fn cached_answer_has_age() {
    let cached = r#","result":[1],"cached":true,"cached_at":"2020-01-01T00:00:00.000Z""#;
    let server = ScriptedServer::replying(reply("completed", cached)).await;
    let ended = run(&server, &["ask", RUNTIME, "disk_usage", "--wait"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "[\n  1\n]\n"));
    assert!(ended.stderr.starts_with("listed ") && ended.stderr.ends_with(" d ago, refreshing\n"));
    let json = run(&server, &["ask", RUNTIME, "disk_usage", "--wait", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&json.stdout).unwrap()["cached_at"], "2020-01-01T00:00:00.000Z");
    assert_eq!(json.stderr, "");
}

#[tokio::test]
async fn sends_args_queue_and_fresh_key() {
    let server = ending("completed", "").await;
    let options = ["--arg", "path=/srv", "--arg", "depth=2", "--queue", "1h"];
    for _ in 0..2 {
        run(&server, &[&["ask", RUNTIME, "disk_usage"], &options[..]].concat()).await;
    }
    let [first, second] = server.calls().try_into().unwrap();
    assert_eq!((first.method.as_str(), first.path), ("POST", format!("/api/runtimes/{RUNTIME}/requests")));
    let body = json!({"kind": "disk_usage", "args": {"path": "/srv", "depth": 2}, "queue_s": 3_600});
    assert_eq!(first.body, body);
    assert_ne!(first.idempotency_key.unwrap(), second.idempotency_key.unwrap());
}

/// With a key it would not join a pending request.
#[tokio::test]
async fn ring_without_args_has_no_key() {
    let server = ending("completed", "").await;
    run(&server, &["ask", RUNTIME, "disk_usage", "--queue", "1h"]).await;
    assert_eq!(server.calls()[0].idempotency_key, None);
}

#[tokio::test]
async fn refresh_is_in_query_of_ring() {
    let server = ending("completed", "").await;
    run(&server, &["ask", RUNTIME, "model_list", "--refresh"]).await;
    assert_eq!(server.calls()[0].path, format!("/api/runtimes/{RUNTIME}/requests?refresh=true"));
}

#[tokio::test]
async fn sends_key_of_option() {
    let server = ending("completed", "").await;
    run(&server, &["ask", RUNTIME, "disk_usage", "--idempotency-key", "mine"]).await;
    assert_eq!(server.calls()[0].idempotency_key.as_deref(), Some("mine"));
}

#[tokio::test]
async fn result_is_printed_as_spelled() {
    let ended = asked("completed", r#","result":{"free":1.10,"of":[1e400]}"#, &[]).await;
    let result = "{\n  \"free\": 1.10,\n  \"of\": [\n    1e400\n  ]\n}\n";
    assert_eq!(text(&ended), (Some(0), result, ""));
}

#[tokio::test]
async fn text_result_is_printed_alone() {
    for (result, printed) in [
        (r#","result":{"text":"a\tb\u001b[1m\n"}"#, "a\tb\u{1b}[1m\n"),
        (r#","result":{"text":"a","more":1}"#, "{\n  \"text\": \"a\",\n  \"more\": 1\n}\n"),
    ] {
        assert_eq!(text(&asked("completed", result, &[]).await), (Some(0), printed, ""));
    }
}

#[tokio::test]
async fn missing_result_prints_notice() {
    let ended = asked("completed", "", &[]).await;
    assert_eq!(text(&ended), (Some(0), "", "the request completed without a result\n"));
}

#[tokio::test]
async fn json_prints_record_of_failure() {
    for (status, more, error) in [
        ("failed", r#","error":"args.path: not a string""#, "error: args.path: not a string\n"),
        ("timeout", r#","error":"daemon did not finish within 1 seconds""#, "error: daemon did not finish "),
        ("failed", "", "error: the daemon gave no reason\n"),
    ] {
        let ended = asked(status, more, &["--json"]).await;
        let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(printed, serde_json::from_str::<Value>(&record(status, more)).unwrap());
        assert!(ended.code == Some(1) && ended.stderr.starts_with(error), "{}", ended.stderr);
        assert_eq!(asked(status, more, &[]).await.stdout, "");
    }
}

#[tokio::test]
async fn rejected_ring_has_remedy() {
    for (status, error, remedy) in [
        (404, "unknown kind", "`doorbell questions` lists "),
        (404, "not found", "the server may be older "),
        (409, "idempotency key was used for another request", "give another --idempotency-key"),
        (429, "too many open requests for this runtime", "wait a few seconds "),
        (503, "runtime is offline", "start `doorbell daemon` "),
    ] {
        let server = ScriptedServer::replying(Reply::error(status, error)).await;
        let ended = run(&server, &["ask", RUNTIME, "disk_usage"]).await;
        let expected = format!("error: {error}\nhelp: {remedy}");
        assert!(ended.code == Some(1) && ended.stderr.starts_with(&expected), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn interrupted_wait_leaves_request_open() {
    let server = ScriptedServer::start(|call| match call.method.as_str() {
        "POST" => reply("pending", ""),
        _ => Reply::Hang,
    });
    let server = server.await;
    for signal in [Signal::INT, Signal::TERM] {
        let arguments = ["ask", RUNTIME, "disk_usage", "--wait", "--url", &server.url()];
        let seen = server.calls().len();
        let running = Machine::new().start(&arguments);
        calls(&server, seen + 2).await;
        running.signal(signal);
        let expected = format!(
            "error: stopped waiting; request {REQUEST} stays open\n\
             help: `doorbell cancel {REQUEST} --runtime {RUNTIME}` cancels it\n"
        );
        assert_eq!(text(&running.end().await), (Some(1), "", expected.as_str()));
    }
    assert!(server.calls().iter().all(|call| call.method != "DELETE"));
}

#[tokio::test]
async fn terminal_shows_progress_without_control_characters() {
    let server = ScriptedServer::start(|call| match (call.method.as_str(), call.nth) {
        ("POST", _) => reply("pending", ""),
        (_, 0..3) => reply("running", r#","progress":"at 5 %\u001b[2J\u202e""#),
        _ => reply("completed", r#","result":{"text":"a\tb\u001b]0;title\u0007\r\nc"}"#),
    });
    let url = server.await.url();
    let machine = Machine::new();
    let command = machine.command(&["ask", RUNTIME, "disk_usage", "--wait", "--url", &url]);
    let terminal = Terminal::start(command, 100);
    terminal.wait_for("running: at 5 %\u{fffd}[2J\u{fffd}").await;
    let (code, shown) = terminal.end().await;
    assert_eq!(code, Some(0));
    assert!(shown.contains("a\tb\u{fffd}]0;title\u{fffd}\r\nc\r\n"), "{shown:?}");
}

#[tokio::test]
async fn result_on_terminal_is_escaped_json() {
    let server = ending("completed", ",\"result\":[\"\u{9b}31m\u{202e}\"]").await;
    let machine = Machine::new();
    let command = machine.command(&["ask", RUNTIME, "disk_usage", "--wait", "--url", &server.url()]);
    let shown = terminal::run(command, 100).await.1;
    assert!(shown.contains("[\r\n  \"\\u009b31m\\u202e\"\r\n]\r\n"), "{shown:?}");
}
