//! What a daemon makes of a request that it has collected.

use doorbell_daemon::discover::DiscoveryError;
use doorbell_protocol::ModelListResult;
use serde_json::{Value, json};

use crate::support::{
    Call, HEARTBEAT, REQUEST, Reply, Scripted, Server, agent, models, nothing_found, report_path, seconds,
    serve_for,
};

fn rung_once(call: &Call) -> Reply {
    match call.path.as_str() {
        HEARTBEAT if call.nth == 0 => Reply::pending(REQUEST),
        _ => Reply::Usual,
    }
}

/// Every report, after one ring of an agent that answers so.
async fn reports_of(discoverer: Scripted) -> Vec<Call> {
    let server = Server::start(rung_once).await;
    serve_for(seconds(45.0), &server, vec![agent("codex", discoverer)]).await.unwrap();
    server.calls_to(&report_path("codex"))
}

async fn report_of(answer: Result<ModelListResult, DiscoveryError>) -> Value {
    let reports = reports_of(Scripted::answering(answer)).await;
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports[0].body.clone()
}

#[tokio::test(start_paused = true)]
async fn the_models_are_reported_as_they_were_found() {
    let expected = json!({
        "status": "completed",
        "models": [{"id": "gpt-6", "label": "gpt-6"}, {"id": "o9", "label": "o9"}],
        "supported": true,
        "fallback": false,
    });
    assert_eq!(report_of(Ok(models(["gpt-6", "o9"]))).await, expected);
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_does_not_support_is_reported() {
    let report = report_of(Ok(ModelListResult { supported: false, ..models([]) })).await;
    assert_eq!(report, json!({"status": "completed", "models": [], "supported": false, "fallback": false}));
}

#[tokio::test(start_paused = true)]
async fn samples_are_reported_as_such() {
    let report = report_of(Ok(ModelListResult { fallback: true, ..models(["a"]) })).await;
    assert_eq!(report["fallback"], true);
}

/// A person waits for it: a failure is an answer too.
#[tokio::test(start_paused = true)]
async fn a_failure_is_reported_in_the_discoverers_words() {
    let report = report_of(Err(nothing_found())).await;
    assert_eq!(report, json!({"status": "failed", "error": nothing_found().to_string()}));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_takes_too_long_is_reported_as_failed_after_fifteen_seconds() {
    let server = Server::start(rung_once).await;
    let agent = agent("codex", Scripted::slow(seconds(3_600.0)));
    serve_for(seconds(45.0), &server, vec![agent]).await.unwrap();
    let report = &server.calls_to(&report_path("codex"))[0];
    let text = "the agent did not list its models within 15 seconds";
    assert_eq!(report.body, json!({"status": "failed", "error": text}));
    assert_eq!(report.at - server.beats_of("codex")[0], seconds(15.0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_just_in_time_counts() {
    let reports = reports_of(Scripted::slow(seconds(14.9))).await;
    assert_eq!(reports[0].body["status"], "completed");
}

/// The request was handed out to nobody else, so one bad moment of the server must not cost the answer.
#[tokio::test(start_paused = true)]
async fn a_report_that_fails_is_delivered_by_a_later_try() {
    let path = report_path("codex");
    let server = Server::start(move |call| match call.nth {
        0 if call.path == HEARTBEAT => Reply::pending(REQUEST),
        0 | 1 if call.path == path => Reply::error(500, "failed to persist completion"),
        _ => Reply::Usual,
    });
    let server = server.await;
    serve_for(seconds(45.0), &server, vec![agent("codex", Scripted::default())]).await.unwrap();
    let reports = server.calls_to(&report_path("codex"));
    assert_eq!(reports.len(), 3);
    assert!(reports.iter().all(|report| report.body == reports[0].body), "a try says something else");
}

/// A ring is answered although the one before it still is being worked on.
#[tokio::test(start_paused = true)]
async fn requests_are_worked_on_side_by_side() {
    const OTHER: &str = "01930000000070008000000000000002";
    let server = Server::start(|call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::pending(REQUEST),
        (HEARTBEAT, 1) => Reply::pending(OTHER),
        (path, 0) if path.contains(REQUEST) => Reply::Usual.after(seconds(4.0)),
        _ => Reply::Usual,
    });
    let server = server.await;
    let agent = agent("codex", Scripted::slow(seconds(14.0)));
    serve_for(seconds(60.0), &server, vec![agent]).await.unwrap();
    let other = server.calls_to(&report_path("codex").replace(REQUEST, OTHER));
    assert_eq!(other[0].at - server.beats_of("codex")[1], seconds(14.0));
}
