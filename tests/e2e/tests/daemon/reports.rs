//! How often a report is tried, and when it is given up.

use std::time::Duration;

use doorbell_client::ApiError;
use doorbell_daemon::report::report;
use doorbell_protocol::ModelListReport;

use crate::support::{REQUEST, Reply, Server, models, report_path, runtime, seconds};

/// When the tries began, and what the last one came to.
async fn reported(server: &Server) -> (Vec<Duration>, Result<(), ApiError>) {
    let answer = ModelListReport::completed(models(["gpt-6"]));
    let ended = report(&server.api(), runtime("codex"), REQUEST.parse().unwrap(), &answer).await;
    (server.begun(), ended)
}

fn whole_schedule() -> [Duration; 4] {
    [0.0, 0.5, 2.5, 6.5].map(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_report_goes_to_its_request() {
    let server = Server::usual().await;
    reported(&server).await.1.unwrap();
    let call = &server.calls()[0];
    assert_eq!((call.method.as_str(), &call.path), ("POST", &report_path("codex")));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_delivered_is_not_sent_again() {
    let server = Server::usual().await;
    assert_eq!(reported(&server).await, (vec![Duration::ZERO], Ok(())));
}

async fn assert_tried_four_times_on(status: u16) {
    let server = Server::start(move |_| Reply::error(status, "a moment, please")).await;
    let error = "a moment, please".to_owned();
    let refused = Err(ApiError::Refused { status, error });
    assert_eq!(reported(&server).await, (whole_schedule().to_vec(), refused));
}

#[tokio::test(start_paused = true)]
async fn a_fault_of_the_server_is_met_with_patience() {
    assert_tried_four_times_on(500).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_unavailable_is_met_with_patience() {
    assert_tried_four_times_on(503).await;
}

#[tokio::test(start_paused = true)]
async fn a_time_out_of_the_server_is_met_with_patience() {
    assert_tried_four_times_on(408).await;
}

/// The original gave up here. A report that was throttled is as good as before a moment later.
#[tokio::test(start_paused = true)]
async fn a_server_that_throttles_is_met_with_patience() {
    assert_tried_four_times_on(429).await;
}

/// API Gateway's own bodies are not Doorbell's.
#[tokio::test(start_paused = true)]
async fn a_fault_in_front_of_the_server_is_met_with_patience() {
    let server = Server::start(|_| Reply::Html(502)).await;
    let (tries, ended) = reported(&server).await;
    assert_eq!(tries, whole_schedule());
    assert!(matches!(ended, Err(ApiError::Foreign { status: 502, .. })), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_met_with_patience() {
    let (tries, ended) = reported(&Server::down()).await;
    assert_eq!(tries, whole_schedule());
    let error = ended.unwrap_err().to_string();
    assert!(error.ends_with("no connection (is Doorbell running there?)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_is_met_with_patience() {
    let (tries, ended) = reported(&Server::start(|_| Reply::Broken).await).await;
    assert_eq!(tries, whole_schedule());
    let error = ended.unwrap_err().to_string();
    assert!(error.ends_with("the connection broke"), "{error}");
}

/// The wait begins when a try has ended, so a server that hangs is not asked twice at once.
#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_is_given_five_seconds_a_try() {
    let (tries, ended) = reported(&Server::start(|_| Reply::Hang).await).await;
    assert_eq!(tries, [0.0, 5.5, 12.5, 21.5].map(seconds));
    let error = ended.unwrap_err().to_string();
    assert!(error.ends_with("no answer in time"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_tries() {
    let first_fails = |call: &crate::support::Call| match call.nth {
        0 => Reply::error(500, "failed to persist completion"),
        _ => Reply::Usual,
    };
    let server = Server::start(first_fails).await;
    assert_eq!(reported(&server).await, ([0.0, 0.5].map(seconds).to_vec(), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_fault_ends_the_tries() {
    let then_refuses = |call: &crate::support::Call| match call.nth {
        0 => Reply::Broken,
        _ => Reply::error(404, "request not found"),
    };
    let server = Server::start(then_refuses).await;
    assert_eq!(reported(&server).await.0, [0.0, 0.5].map(seconds));
}

/// Every other 4xx says that the same report will never do.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_final() {
    for (status, text) in [
        (400, "invalid request body"),
        (401, "a valid bearer token is required"),
        (403, "the token lacks the scope \"daemon\""),
        (404, "request not found"),
        (413, "report too large"),
    ] {
        let server = Server::start(move |_| Reply::error(status, text)).await;
        let refused = Err(ApiError::Refused { status, error: text.to_owned() });
        assert_eq!(reported(&server).await, (vec![Duration::ZERO], refused), "{status}");
    }
}
