//! Claimed requests: the agent is asked, and its answer reported.

use doorbell_protocol::ModelListResult;
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::{Value, json};

use crate::daemon::fixtures::{
    HEARTBEAT, REQUEST, ScriptedSource, agent, agents, claims_once, heartbeat_times, models, not_installed,
    report_path, seconds, serve_for, settings,
};

/// The reports after one claim.
async fn reports_of(source: ScriptedSource) -> Vec<ScriptedCall> {
    let server = ScriptedServer::start(claims_once).await;
    serve_for(seconds(45.0), &server, settings(), vec![agent("codex", source)]).await.unwrap();
    server.calls_to(&report_path("codex"))
}

async fn report_of(source: ScriptedSource) -> Value {
    let reports = reports_of(source).await;
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports[0].body.clone()
}

#[tokio::test(start_paused = true)]
async fn reports_models_as_found() {
    let expected = json!({
        "status": "completed",
        "models": [{"id": "gpt-6", "label": "gpt-6"}, {"id": "o9", "label": "o9"}],
        "supported": true,
        "fallback": false,
    });
    assert_eq!(report_of(ScriptedSource::answering(Ok(models(["gpt-6", "o9"])))).await, expected);
}

#[tokio::test(start_paused = true)]
async fn reports_unsupported_model_choice() {
    let answer = ModelListResult { supported: false, ..models([]) };
    let report = report_of(ScriptedSource::answering(Ok(answer))).await;
    assert_eq!(report, json!({"status": "completed", "models": [], "supported": false, "fallback": false}));
}

#[tokio::test(start_paused = true)]
async fn reports_sample_as_fallback() {
    let answer = ModelListResult { fallback: true, ..models(["a"]) };
    assert_eq!(report_of(ScriptedSource::answering(Ok(answer))).await["fallback"], true);
}

#[tokio::test(start_paused = true)]
async fn reports_failure_with_text_of_source() {
    let report = report_of(ScriptedSource::answering(Err(not_installed()))).await;
    assert_eq!(report, json!({"status": "failed", "error": not_installed().to_string()}));
}

#[tokio::test(start_paused = true)]
async fn agent_times_out_after_15_seconds() {
    let server = ScriptedServer::start(claims_once).await;
    let agent = agent("codex", ScriptedSource::slow(seconds(3_600.0)));
    serve_for(seconds(45.0), &server, settings(), vec![agent]).await.unwrap();
    let report = &server.calls_to(&report_path("codex"))[0];
    let text = "the agent did not list its models within 15 seconds";
    assert_eq!(report.body, json!({"status": "failed", "error": text}));
    assert_eq!(report.at - heartbeat_times(&server)[0], seconds(15.0));
    assert_eq!(report_of(ScriptedSource::slow(seconds(14.9))).await["status"], "completed");
}

/// No other daemon has the request, so a transient fault must not cost the answer.
#[tokio::test(start_paused = true)]
async fn retries_failed_report() {
    let path = report_path("codex");
    let server = ScriptedServer::start(move |call| match call.nth {
        0 if call.path == HEARTBEAT => Reply::pending(REQUEST),
        0 | 1 if call.path == path => Reply::error(500, "failed to persist completion"),
        _ => Reply::Default,
    });
    let server = server.await;
    serve_for(seconds(45.0), &server, settings(), agents(["codex"])).await.unwrap();
    let reports = server.calls_to(&report_path("codex"));
    assert_eq!(reports.len(), 3);
    assert!(reports.iter().all(|report| report.body == reports[0].body), "the body changed between tries");
}

#[tokio::test(start_paused = true)]
async fn works_on_requests_concurrently() {
    const OTHER: &str = "01930000000070008000000000000002";
    let server = ScriptedServer::start(|call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::pending(REQUEST),
        (HEARTBEAT, 1) => Reply::pending(OTHER),
        (path, 0) if path.contains(REQUEST) => Reply::Default.after(seconds(4.0)),
        _ => Reply::Default,
    });
    let server = server.await;
    let agent = agent("codex", ScriptedSource::slow(seconds(14.0)));
    serve_for(seconds(60.0), &server, settings(), vec![agent]).await.unwrap();
    let other = server.calls_to(&report_path("codex").replace(REQUEST, OTHER));
    assert_eq!(other[0].at - heartbeat_times(&server)[1], seconds(14.0));
}
