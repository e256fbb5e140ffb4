//! Events that API Gateway would never send, through the same way that `main` takes: none may end the process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::sink;
use std::sync::LazyLock;

use doorbell_gateway;
use doorbell_protocol::Scope;
use doorbell_shared::http::AppState;
use doorbell_shared::http::routes::Function;
use doorbell_shared::lambda::{self, Recorder};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::ApiResponse;
use doorbell_test_support::event::lambda_event;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde_json::json;

static RECORDER: LazyLock<Recorder> = LazyLock::new(|| Recorder::install("doorbell".to_owned()).unwrap());

async fn answer(function: Function, event: ApiGatewayV2httpRequest) -> ApiResponse {
    let backend = AppState::new(MemoryStore::default());
    let handle = async |request| invoke(function, &backend, &request).await;
    let answer = lambda::respond(event, handle, *RECORDER, sink()).await;
    Answer {
        status: answer.status_code.try_into().unwrap(),
        body: serde_json::from_slice(&answer.body.unwrap()).unwrap(),
    }
}

fn runtimes() -> ApiGatewayV2httpRequest {
    lambda_event(Function::Runtimes, Scope::User, "/api/runtimes", &json!({}))
}

#[tokio::test]
async fn a_body_that_is_not_the_base64_it_claims_to_be_is_an_invalid_body() {
    let path = "/api/daemon/runtimes/11111111-2222-4333-8444-555555555555/models/01930000000070008000000000000001/result";
    for (function, path) in [
        (Function::Register, "/api/daemon/register"),
        (Function::Deregister, "/api/daemon/deregister"),
        (Function::Heartbeat, "/api/daemon/heartbeat"),
        (Function::Report, path),
    ] {
        let mut event = lambda_event(function, Scope::Daemon, path, &json!({}));
        event.is_base64_encoded = true;
        let expected = ApiResponse::error(400, "invalid request body");
        assert_eq!(answer(function, event).await, expected, "{function:?}");
    }
}

#[tokio::test]
async fn a_query_with_letters_that_no_uri_has_is_read_like_any_other() {
    for (query, expected) in [
        ("x=\"\u{0} {ü}\\", ApiResponse::ok(json!([]))),
        ("workspace_id=\" {", ApiResponse::error(400, "invalid workspace_id")),
    ] {
        let mut event = runtimes();
        event.raw_query_string = Some(query.to_owned());
        assert_eq!(answer(Function::Runtimes, event).await, expected, "{query:?}");
    }
}

#[tokio::test]
async fn a_host_a_protocol_and_a_path_that_make_no_url_are_not_looked_at() {
    let mut event = runtimes();
    event.headers.insert("host", "x:99999".parse().unwrap());
    event.headers.insert("x-forwarded-proto", "\"".parse().unwrap());
    event.raw_path = Some(":99999".to_owned());
    assert_eq!(answer(Function::Runtimes, event).await, ApiResponse::ok(json!([])));
}
