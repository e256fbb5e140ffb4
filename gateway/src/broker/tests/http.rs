//! What the HTTP calls refuse. `tests/broker.rs` calls them with the SDK.

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use tower::ServiceExt as _;

use super::super::http::router;
use super::*;
use crate::host::LocalHosts;

const MESSAGES: &str = "/connections/local.a.b/messages";

async fn call(broker: &TestBroker, request: Request<Body>) -> Response {
    let hosts = LocalHosts::of("127.0.0.1:3000".parse().unwrap());
    router(broker.broker.state.clone(), hosts).oneshot(request).await.unwrap()
}

/// Status and error type of a signed request.
async fn outcome(broker: &TestBroker, method: &str, uri: &str, body: Vec<u8>) -> (u16, String) {
    let request = Request::builder().method(method).uri(uri).header("host", "localhost:3000");
    let request = request.header("authorization", "AWS4-HMAC-SHA256").body(Body::from(body)).unwrap();
    let response = call(broker, request).await;
    let error = response.headers().get("x-amzn-errortype").map(|error| error.to_str().unwrap().to_owned());
    (response.status().as_u16(), error.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn invalid_requests_are_refused() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    let long = "a".repeat(129);
    for uri in [
        MESSAGES.to_owned(),
        format!("{MESSAGES}?topic="),
        format!("{MESSAGES}?topic=a%2F%2B"),
        format!("{MESSAGES}?topic=a%2F%23"),
        format!("{MESSAGES}?topic={long}{long}"),
        format!("{MESSAGES}?topic=t&confirmation=yes"),
        format!("{MESSAGES}?topic=t&confirmation=true&timeout=0"),
        format!("{MESSAGES}?topic=t&confirmation=true&timeout=16"),
        format!("/connections/{long}/messages?topic=t"),
        "/connections/%24a/messages?topic=t".to_owned(),
    ] {
        let expected = (400, "InvalidRequestException".to_owned());
        assert_eq!(outcome(&broker, "POST", &uri, Vec::new()).await, expected, "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn payload_over_128_kib_is_refused() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    let uri = format!("{MESSAGES}?topic=doorbell%2Fwake");
    for size in [128 * 1024, 128 * 1024 + 1] {
        let expected = (413, "RequestEntityTooLargeException".to_owned());
        assert_eq!(outcome(&broker, "POST", &uri, vec![0; size]).await, expected, "{size}");
    }
    // Without reading it all: the payload is judged before the client.
    let uri = "/connections/other/messages?topic=t";
    assert_eq!(outcome(&broker, "POST", uri, vec![0; 128 * 1024 + 1]).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn topic_outside_the_policy_is_forbidden() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    let uri = format!("{MESSAGES}?topic=other&confirmation=true");
    assert_eq!(outcome(&broker, "POST", &uri, Vec::new()).await, (403, "ForbiddenException".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn confirmation_is_awaited_five_seconds_by_default() {
    let broker = TestBroker::new();
    let _client = broker.connect().await;
    let stopwatch = Stopwatch::start();
    let uri = format!("{MESSAGES}?topic=doorbell%2Fwake&confirmation=true");
    let expected = (504, "GatewayTimeoutException".to_owned());
    assert_eq!(outcome(&broker, "POST", &uri, Vec::new()).await, expected);
    assert_eq!(stopwatch.elapsed_ms() / 1000, 5);
}

#[tokio::test(start_paused = true)]
async fn unsigned_request_is_forbidden() {
    let request = Request::get("/connections/local.a.b").header("host", "localhost:3000");
    let response = call(&TestBroker::new(), request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 403);
}

#[tokio::test(start_paused = true)]
async fn foreign_host_is_forbidden() {
    let request = Request::get("/connections/local.a.b").header("host", "evil.example:3000");
    let request = request.header("authorization", "AWS4-HMAC-SHA256");
    let response = call(&TestBroker::new(), request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 403);
}
