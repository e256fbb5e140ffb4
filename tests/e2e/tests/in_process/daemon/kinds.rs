//! Requests of every kind: claimed together, answered on the route of their kind, and cancelled.

use std::time::Duration;

use doorbell_daemon::Settings;
use doorbell_daemon::agents::{Agent, Environment};
use doorbell_daemon::skills::LocalSkills;
use doorbell_protocol::limits::BODY_BYTES;
use doorbell_shared::kinds::BUILT_IN;
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer, work};
use serde_json::{Value, json};

use crate::daemon::fixtures::{
    HEARTBEAT, REQUEST, ScriptedSource, agent, heartbeat_times, in_flight, models, report_path, runtime,
    seconds, serve_for, settings,
};

const OTHERS: [&str; 2] = ["01930000000070008000000000000002", "01930000000070008000000000000003"];

/// A server whose first heartbeat claims requests of the first runtime.
async fn claiming<const N: usize>(requests: [Value; N]) -> ScriptedServer {
    ScriptedServer::start(move |call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::claims(requests.clone()),
        _ => Reply::Default,
    })
    .await
}

fn reports(server: &ScriptedServer) -> Vec<ScriptedCall> {
    server.calls().into_iter().filter(|call| call.path.ends_with("/result")).collect()
}

#[tokio::test(start_paused = true)]
async fn claimed_requests_are_worked_on_concurrently() {
    let [second, third] = OTHERS;
    let server = claiming([REQUEST, second, third].map(|request| work(request, "model_list"))).await;
    let agent = agent("codex", ScriptedSource::slow(seconds(14.0)));
    serve_for(seconds(60.0), &server, settings(), vec![agent]).await.unwrap();
    let claimed = heartbeat_times(&server)[0];
    let times: Vec<Duration> = reports(&server).iter().map(|report| report.at - claimed).collect();
    assert_eq!(times, [seconds(14.0); 3]);
    assert_eq!(in_flight("codex", &server)[0], json!([]));
}

#[tokio::test(start_paused = true)]
async fn lists_all_claimed_requests_as_in_flight() {
    let [second, third] = OTHERS;
    let server = claiming([third, REQUEST, second].map(|request| work(request, "model_list"))).await;
    let agent = agent("codex", ScriptedSource::slow(seconds(14.9)));
    let settings = Settings { interval: seconds(10.0), ..settings() };
    serve_for(seconds(40.0), &server, settings, vec![agent]).await.unwrap();
    assert_eq!(in_flight("codex", &server)[..3], [json!([]), json!([REQUEST, second, third]), json!([])]);
}

#[tokio::test(start_paused = true)]
async fn unknown_kind_fails_on_route_of_any_kind() {
    let server = claiming([work(REQUEST, "moon_phase")]).await;
    serve_for(seconds(30.0), &server, settings(), vec![agent("codex", ScriptedSource::default())])
        .await
        .unwrap();
    let reports = reports(&server);
    assert_eq!(reports.len(), 1);
    let path = format!("/api/daemon/runtimes/{}/requests/{REQUEST}/result", runtime("codex"));
    let text = "this daemon does not answer \"moon_phase\"; `doorbell questions` lists what it answers";
    assert_eq!((&reports[0].path, &reports[0].body), (&path, &json!({"status": "failed", "error": text})));
}

#[tokio::test(start_paused = true)]
async fn every_built_in_kind_has_a_handler() {
    for built_in in BUILT_IN {
        let server = claiming([work(REQUEST, built_in.kind.as_str())]).await;
        let agent = agent("codex", ScriptedSource::default());
        serve_for(seconds(30.0), &server, settings(), vec![agent]).await.unwrap();
        let path = report_path("codex").replace("/models/", &format!("/{}/", built_in.segment));
        let reports = server.calls_to(&path);
        assert_eq!(reports.len(), 1, "{}", built_in.kind);
        assert!((built_in.accept)(reports[0].body.to_string().as_bytes()).is_ok(), "{}", built_in.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn local_skills_have_a_route_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let skill = home.path().join(".agents/skills/review");
    std::fs::create_dir_all(&skill).unwrap();
    std::fs::write(skill.join("SKILL.md"), "---\nname: review\ndescription: Reviews code\n---\n").unwrap();
    let skills = LocalSkills::new("codex", home.path().to_owned(), &Environment::new(|_| None));
    let server = claiming([work(REQUEST, "local_skills")]).await;
    let agent = Agent { skills, ..agent("codex", ScriptedSource::default()) };
    serve_for(seconds(30.0), &server, settings(), vec![agent]).await.unwrap();
    let reports = server.calls_to(&report_path("codex").replace("/models/", "/local-skills/"));
    assert_eq!(reports.len(), 1);
    let report = &reports[0].body;
    assert_eq!((&report["status"], &report["supported"]), (&json!("completed"), &json!(true)));
    assert_eq!(report["skills"][0]["description"], "Reviews code");
}

#[tokio::test(start_paused = true)]
async fn answer_over_body_limit_is_a_failure() {
    let label = "x".repeat(BODY_BYTES);
    let server = claiming([work(REQUEST, "model_list")]).await;
    let agent = agent("codex", ScriptedSource::answering(Ok(models([label.as_str()]))));
    serve_for(seconds(30.0), &server, settings(), vec![agent]).await.unwrap();
    let report = &reports(&server)[0].body;
    assert_eq!(report["status"], "failed");
    let error = report["error"].as_str().unwrap();
    assert!(error.ends_with(" bytes; at most 1048576 can be reported"), "{error}");
}

/// Codex claims two requests with the first heartbeat, and the second one names the first request as cancelled.
#[tokio::test(start_paused = true)]
async fn cancelled_request_ends_without_report() {
    let [other, _] = OTHERS;
    let server = ScriptedServer::start(move |call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::claims([REQUEST, other].map(|request| work(request, "model_list"))),
        (HEARTBEAT, 1) => Reply::Heartbeat(json!({ "cancelled": [REQUEST] })),
        _ => Reply::Default,
    });
    let server = server.await;
    let agent = agent("codex", ScriptedSource::slow(seconds(14.0)));
    let settings = Settings { interval: seconds(5.0), ..settings() };
    serve_for(seconds(40.0), &server, settings, vec![agent]).await.unwrap();
    let in_flight = in_flight("codex", &server);
    assert_eq!(in_flight[1..4], [json!([REQUEST, other]), json!([other]), json!([])]);
    assert_eq!(server.calls_to(&report_path("codex")).len(), 0);
    assert_eq!(server.calls_to(&report_path("codex").replace(REQUEST, other)).len(), 1);
}

/// The server answers the same until the daemon stops to list the request.
#[tokio::test(start_paused = true)]
async fn cancellation_ends_retries_of_report() {
    let server = ScriptedServer::start(move |call| match (call.path.as_str(), call.nth) {
        (HEARTBEAT, 0) => Reply::pending(REQUEST),
        (HEARTBEAT, _) => Reply::Heartbeat(json!({ "cancelled": [REQUEST] })),
        (path, _) if path.ends_with("/result") => Reply::Hang,
        _ => Reply::Default,
    });
    let server = server.await;
    let settings = Settings { interval: seconds(3.0), ..settings() };
    serve_for(seconds(20.0), &server, settings, vec![agent("codex", ScriptedSource::default())])
        .await
        .unwrap();
    assert_eq!(reports(&server).len(), 1);
    assert_eq!(in_flight("codex", &server)[1..3], [json!([REQUEST]), json!([])]);
}
