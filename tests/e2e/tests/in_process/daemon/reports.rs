//! How often a report is retried, and which failures are final.

use std::time::Duration;

use doorbell_client::ClientError;
use doorbell_daemon::report::{self, report};
use doorbell_protocol::ModelListReport;
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};

use crate::daemon::fixtures::{REQUEST, api, models, report_path, runtime, seconds};

/// When the tries began, and the outcome of the last.
async fn reported(server: &ScriptedServer) -> (Vec<Duration>, Result<(), ClientError>) {
    let answer = ModelListReport::completed(models(["gpt-6"]));
    let path = report::path(runtime("codex"), "models", REQUEST.parse().unwrap());
    let ended = report(&api(server), &path, &answer).await;
    (server.begun(), ended.map(|_| ()))
}

fn all_tries() -> [Duration; 4] {
    [0.0, 0.5, 2.5, 6.5].map(seconds)
}

/// Of a server that answers all tries alike.
async fn error_after_all_tries(server: ScriptedServer) -> ClientError {
    let (tries, ended) = reported(&server).await;
    assert_eq!(tries, all_tries());
    ended.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn delivered_report_is_sent_once() {
    let server = ScriptedServer::replying(Reply::Default).await;
    assert_eq!(reported(&server).await, (vec![Duration::ZERO], Ok(())));
    let call = &server.calls()[0];
    assert_eq!((call.method.as_str(), &call.path), ("POST", &report_path("codex")));
}

/// The reference daemon gave up at 429; a throttled report succeeds a moment later.
#[tokio::test(start_paused = true)]
async fn retries_transient_statuses() {
    for status in [500, 503, 408, 429] {
        let server = ScriptedServer::replying(Reply::error(status, "a moment, please")).await;
        let error = "a moment, please".to_owned();
        assert_eq!(error_after_all_tries(server).await, ClientError::Api { status, error });
    }
}

/// API Gateway's own bodies are not Doorbell's.
#[tokio::test(start_paused = true)]
async fn retries_fault_in_front_of_server() {
    let error = error_after_all_tries(ScriptedServer::replying(Reply::html(502)).await).await;
    assert!(matches!(error, ClientError::UnexpectedResponse { status: 502, .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn retries_connection_errors() {
    let error = error_after_all_tries(ScriptedServer::down()).await.to_string();
    assert!(error.ends_with("no connection (is Doorbell running there?)"), "{error}");
    let error = error_after_all_tries(ScriptedServer::replying(Reply::Broken).await).await.to_string();
    assert!(error.ends_with("the connection broke"), "{error}");
}

/// The back-off starts when a try has ended, so tries never overlap.
#[tokio::test(start_paused = true)]
async fn each_try_times_out_after_5_seconds() {
    let (tries, ended) = reported(&ScriptedServer::replying(Reply::Hang).await).await;
    assert_eq!(tries, [0.0, 5.5, 12.5, 21.5].map(seconds));
    let error = ended.unwrap_err().to_string();
    assert!(error.ends_with("no answer in time"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn success_or_refusal_ends_retries() {
    for (second, expected) in [(Reply::Default, None), (Reply::error(404, "request not found"), Some(404))] {
        let server =
            ScriptedServer::start(move |call| if call.nth == 0 { Reply::Broken } else { second.clone() });
        let (tries, ended) = reported(&server.await).await;
        assert_eq!(tries, [0.0, 0.5].map(seconds));
        let refused = ended.err().map(|error| match error {
            ClientError::Api { status, .. } => status,
            other => panic!("{other:?}"),
        });
        assert_eq!(refused, expected);
    }
}

/// The same report would be refused again.
#[tokio::test(start_paused = true)]
async fn other_client_errors_are_final() {
    for (status, text) in [
        (400, "invalid request body"),
        (401, "a valid bearer token is required"),
        (403, "the token lacks the scope \"daemon\""),
        (404, "request not found"),
        (413, "report too large"),
    ] {
        let server = ScriptedServer::replying(Reply::error(status, text)).await;
        let refused = Err(ClientError::Api { status, error: text.to_owned() });
        assert_eq!(reported(&server).await, (vec![Duration::ZERO], refused), "{status}");
    }
}
