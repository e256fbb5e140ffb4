//! The client's requests of any kind: asking, waiting and cancelling.

use std::time::Duration;

use doorbell_client::{AskError, AskOptions, ClientError, POLL_INTERVAL};
use doorbell_protocol::{AnyRequestRecord, Json, Kind, RequestId, Status};
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::daemon::fixtures::{REQUEST, api, runtime, seconds};

const KIND: Kind = Kind::constant("disk_usage");
const TIME: &str = "2026-11-22T03:41:07.123Z";

fn record_json(status: &str, more: Value) -> Value {
    let mut record = json!({
        "id": REQUEST, "runtime_id": runtime("codex"), "kind": KIND, "status": status, "created_at": TIME,
        "updated_at": TIME,
    });
    if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
        record.extend(more);
    }
    record
}

fn record(status: &str) -> Reply {
    Reply::Json(200, record_json(status, json!({})))
}

fn requests() -> String {
    format!("/api/runtimes/{}/requests", runtime("codex"))
}

fn args() -> Option<Json> {
    Some(r#"{"path":"/"}"#.parse().unwrap())
}

fn with_key() -> AskOptions {
    AskOptions { idempotency_key: Some("key-1".parse().unwrap()), ..AskOptions::new(KIND) }
}

async fn submit(server: &ScriptedServer, options: &AskOptions) -> Result<AnyRequestRecord, ClientError> {
    doorbell_client::submit(&api(server), runtime("codex"), options).await
}

fn times(server: &ScriptedServer) -> Vec<f64> {
    server.calls().iter().map(|call| call.at.as_secs_f64()).collect()
}

#[tokio::test(start_paused = true)]
async fn ring_sends_kind_args_queue_and_key() {
    let server = ScriptedServer::replying(record("pending")).await;
    let options = AskOptions { args: args(), queue_s: 60, ..with_key() };
    assert_eq!(submit(&server, &options).await.unwrap().status, Status::Pending);
    submit(&server, &AskOptions::new(KIND)).await.unwrap();
    let [full, bare] = server.calls().try_into().unwrap();
    assert_eq!((full.method.as_str(), full.path), ("POST", requests()));
    assert_eq!(full.body, json!({"kind": "disk_usage", "args": {"path": "/"}, "queue_s": 60}));
    assert_eq!(full.idempotency_key.as_deref(), Some("key-1"));
    assert_eq!((bare.body, bare.idempotency_key), (json!({"kind": "disk_usage"}), None));
}

/// Submits to a server that answers the fourth ring. Returns the keys of the rings.
async fn keys_of_repeated_ring(options: &AskOptions, fault: Reply) -> Vec<Option<String>> {
    let server = ScriptedServer::start(move |call| match call.nth {
        0..3 => fault.clone(),
        _ => record("pending"),
    });
    let server = server.await;
    submit(&server, options).await.unwrap();
    assert_eq!(times(&server), [0.0, 0.5, 1.5, 3.5]);
    server.calls().into_iter().map(|call| call.idempotency_key).collect()
}

#[tokio::test(start_paused = true)]
async fn ring_with_key_is_repeated_after_fault() {
    for fault in [Reply::Broken, Reply::error(500, "failed to enqueue request"), Reply::html(502)] {
        let options = AskOptions { args: args(), ..with_key() };
        let keys = keys_of_repeated_ring(&options, fault).await;
        assert!(keys.iter().all(|key| key.as_deref() == Some("key-1")), "{keys:?}");
    }
}

/// It joins the pending request of the first one.
#[tokio::test(start_paused = true)]
async fn ring_without_args_is_repeated_after_fault() {
    assert_eq!(keys_of_repeated_ring(&AskOptions::new(KIND), Reply::Broken).await, [None, None, None, None]);
}

#[tokio::test(start_paused = true)]
async fn refresh_is_in_query_of_ring() {
    let server = ScriptedServer::replying(record("completed")).await;
    let options = AskOptions { refresh: true, ..AskOptions::new(Kind::MODEL_LIST) };
    submit(&server, &options).await.unwrap();
    assert_eq!(server.calls()[0].path, format!("{}?refresh=true", requests()));
}

#[tokio::test(start_paused = true)]
async fn ring_that_fails_four_times_is_an_error() {
    let server = ScriptedServer::replying(Reply::error(500, "failed to enqueue request")).await;
    let error = submit(&server, &with_key()).await.unwrap_err();
    assert_eq!((error.to_string().as_str(), server.calls().len()), ("failed to enqueue request", 4));
}

/// It could ask twice.
#[tokio::test(start_paused = true)]
async fn ring_with_args_but_without_key_is_not_repeated() {
    let server = ScriptedServer::replying(Reply::Broken).await;
    assert!(submit(&server, &AskOptions { args: args(), ..AskOptions::new(KIND) }).await.is_err());
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rejected_ring_is_not_repeated() {
    for (status, text) in [
        (503, "runtime is offline"),
        (404, "unknown kind"),
        (409, "idempotency key was used for another request"),
    ] {
        let server = ScriptedServer::replying(Reply::error(status, text)).await;
        assert_eq!(submit(&server, &with_key()).await.unwrap_err().to_string(), text);
        assert_eq!(server.calls().len(), 1, "{text}");
    }
}

/// A rejected ring has asked nothing, so that it needs no key.
#[tokio::test(start_paused = true)]
async fn rate_limited_ring_is_repeated_after_retry_after() {
    let server = ScriptedServer::start(|call| match call.nth {
        0 => Reply::RateLimited(3),
        // API Gateway's own.
        1 => Reply::Json(429, json!({"message": "Too Many Requests"})),
        _ => record("pending"),
    });
    let server = server.await;
    let options = AskOptions { rate_limit_timeout: seconds(4.0), ..AskOptions::new(KIND) };
    submit(&server, &options).await.unwrap();
    assert_eq!(times(&server), [0.0, 3.0, 4.0]);
}

#[tokio::test(start_paused = true)]
async fn retries_of_rate_limited_ring_end() {
    for (timeout, expected) in [(0.0, vec![0.0]), (7.0, vec![0.0, 3.0, 6.0])] {
        let server = ScriptedServer::replying(Reply::RateLimited(3)).await;
        let options = AskOptions { rate_limit_timeout: seconds(timeout), ..with_key() };
        assert!(submit(&server, &options).await.unwrap_err().is_rate_limit());
        assert_eq!(times(&server), expected);
    }
}

const WAIT: Duration = Duration::from_secs(20);

/// Waits for a pending request, at most `limit`. Returns the statuses seen and the result.
async fn wait_at_most(
    limit: Duration,
    server: &ScriptedServer,
) -> (Vec<Status>, Result<AnyRequestRecord, AskError>) {
    let pending = serde_json::from_value(record_json("pending", json!({}))).unwrap();
    let mut seen = Vec::new();
    let api = api(server);
    let see = |record: &AnyRequestRecord| seen.push(record.status);
    let ended = doorbell_client::wait_for_end(&api, pending, limit, || WAIT, see).await;
    (seen, ended)
}

async fn wait(server: &ScriptedServer) -> (Vec<Status>, Result<AnyRequestRecord, AskError>) {
    wait_at_most(seconds(1_000.0), server).await
}

#[tokio::test(start_paused = true)]
async fn polls_are_held_for_wait() {
    let server = ScriptedServer::start(|call| match call.nth {
        0 => record("pending").after(WAIT),
        1 => record("running").after(WAIT),
        _ => record("completed").after(seconds(4.0)),
    });
    let server = server.await;
    let (seen, ended) = wait(&server).await;
    assert_eq!(ended.unwrap().status, Status::Completed);
    assert_eq!(seen, [Status::Pending, Status::Pending, Status::Running, Status::Completed]);
    assert_eq!(times(&server), [0.0, 20.0, 40.0]);
    let path = format!("{}/{REQUEST}?wait=20", requests());
    assert!(server.calls().iter().all(|call| (call.method.as_str(), &call.path) == ("GET", &path)));
}

#[tokio::test(start_paused = true)]
async fn held_poll_may_take_10_s_more_than_wait() {
    let server = ScriptedServer::start(|call| match call.nth {
        0 => record("pending").after(seconds(30.5)),
        _ => record("completed").after(seconds(29.5)),
    });
    let server = server.await;
    assert_eq!(wait(&server).await.1.unwrap().status, Status::Completed);
    assert_eq!(times(&server), [0.0, 30.5]);
}

#[tokio::test(start_paused = true)]
async fn server_without_wait_is_polled_at_growing_intervals() {
    let server = ScriptedServer::start(|call| {
        // A busy loop would let no time pass.
        let is_over = call.at > Duration::from_secs(320) || call.nth > 1_000;
        record(if is_over { "completed" } else { "pending" })
    });
    let server = server.await;
    wait(&server).await.1.unwrap();
    let times = times(&server);
    let interval_at = |at: f64| {
        let next = times.iter().position(|time| *time > at).unwrap();
        ((times[next + 1] - times[next]) * 1_000.0).round()
    };
    assert_eq!([0.0, 0.1, 1.0, 31.0, 305.0].map(interval_at), [100.0, 150.0, 500.0, 2_000.0, 5_000.0]);
}

#[tokio::test(start_paused = true)]
async fn reported_progress_shortens_wait() {
    let server = ScriptedServer::start(|call| match call.nth {
        0 if call.path.ends_with("=20") => {
            Reply::Json(200, record_json("running", json!({"progress": 5}))).after(WAIT)
        }
        0 => Reply::Json(200, record_json("running", json!({"progress": 50}))).after(seconds(2.0)),
        _ => record("completed"),
    });
    let server = server.await;
    wait(&server).await.1.unwrap();
    let waits: Vec<_> =
        server.calls().iter().map(|call| call.path.rsplit('=').next().unwrap().to_owned()).collect();
    assert_eq!(waits, ["20", "2", "2"]);
}

#[tokio::test(start_paused = true)]
async fn request_open_past_time_limit_is_an_error() {
    let server = ScriptedServer::start(|call| {
        let wait = call.path.split_once("?wait=").map_or(0, |(_, wait)| wait.parse().unwrap());
        record("running").after(Duration::from_secs(wait))
    });
    let server = server.await;
    let error = wait_at_most(seconds(50.0), &server).await.1.unwrap_err();
    assert!(matches!(error, AskError::StillOpen { after } if after == seconds(50.0)), "{error}");
    // The last wait is cut to what is left.
    assert_eq!(times(&server)[..3], [0.0, 20.0, 40.0]);
    assert!(server.calls()[2].path.ends_with("?wait=10"));
}

#[tokio::test(start_paused = true)]
async fn failed_poll_is_repeated_three_times() {
    for fault in [Reply::Broken, Reply::error(500, "no"), Reply::html(502), Reply::html(429)] {
        let server = ScriptedServer::start(move |call| match call.nth {
            0..3 => fault.clone(),
            _ => record("completed"),
        });
        let server = server.await;
        wait(&server).await.1.unwrap();
        assert_eq!(times(&server), [0.0, 0.5, 1.5, 3.5]);
    }
    let server = ScriptedServer::replying(Reply::error(500, "failed to load request")).await;
    assert_eq!(wait(&server).await.1.unwrap_err().to_string(), "failed to load request");
    assert_eq!(server.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn lost_request_ends_wait() {
    let server = ScriptedServer::replying(Reply::error(404, "request not found")).await;
    assert_eq!(wait(&server).await.1.unwrap_err().to_string(), "request not found");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn cancel_deletes_request_and_repeats_faults() {
    let server = ScriptedServer::start(|call| match call.nth {
        0 => Reply::Broken,
        _ => Reply::Json(200, record_json("failed", json!({"error": "cancelled"}))),
    });
    let server = server.await;
    let id: RequestId = REQUEST.parse().unwrap();
    let cancelled = doorbell_client::cancel(&api(&server), runtime("codex"), id).await.unwrap();
    assert_eq!(cancelled.error.as_deref(), Some("cancelled"));
    assert_eq!(server.begun(), [Duration::ZERO, POLL_INTERVAL]);
    let path = format!("{}/{REQUEST}", requests());
    assert!(server.calls().iter().all(|call| (call.method.as_str(), &call.path) == ("DELETE", &path)));
}
