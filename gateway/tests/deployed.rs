//! Deployed functions behind the gateway: a scripted Lambda on loopback, and what a client of the gateway sees of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use doorbell_client::http_client;
use doorbell_gateway::{DeployedFunctions, Origins, Signer, serve_deployed};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The path of Lambda's `Invoke`, for functions of the stack `doorbell`.
const PATH: &str = "/2015-03-31/functions/doorbell-{}/invocations";

const HEARTBEAT: &str = "/api/daemon/heartbeat";
const REDEEM: &str = "/api/enrolments/redeem";

/// What a scripted function does.
enum Script {
    /// Responds with this status, these headers and this payload.
    Respond(u16, Vec<(&'static str, &'static str)>, Vec<u8>),
    /// Responds with this status after this time.
    After(Duration, u16),
}

impl Script {
    fn payload(payload: &Value) -> Self {
        Self::Respond(200, Vec::new(), payload.to_string().into_bytes())
    }

    fn status(status: u16) -> Self {
        Self::Respond(status, Vec::new(), br#"{"Message": "internal"}"#.to_vec())
    }
}

/// A call of a function.
struct Call {
    function: String,
    headers: HeaderMap,
    event: Value,
}

/// A Lambda with an authorizer and one other function.
struct Lambda {
    authorizer: Script,
    function: Script,
    calls: Mutex<Vec<Call>>,
    holds: Mutex<Vec<TimeHold>>,
}

/// Virtual time stands still while one exists: tokio does not advance it while a blocking task runs.
struct TimeHold(#[expect(dead_code, reason = "the blocking task ends when it is dropped")] mpsc::Sender<()>);

impl TimeHold {
    fn new() -> Self {
        let (hold, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv());
        Self(hold)
    }
}

impl Lambda {
    fn new(authorizer: Script, function: Script) -> Arc<Self> {
        Arc::new(Self { authorizer, function, calls: Mutex::default(), holds: Mutex::default() })
    }

    /// With an authorizer that permits every call.
    fn of(function: Script) -> Arc<Self> {
        let context = json!({"caller": "known", "of_a_newer_version": true});
        Self::new(Script::payload(&json!({"isAuthorized": true, "context": context})), function)
    }

    async fn respond(&self, script: &Script) -> Response {
        match script {
            Script::Respond(status, headers, payload) => {
                let mut response = payload.clone().into_response();
                *response.status_mut() = StatusCode::from_u16(*status).unwrap();
                for (name, value) in headers {
                    response.headers_mut().insert(*name, value.parse().unwrap());
                }
                response
            }
            Script::After(time, status) => {
                self.holds.lock().unwrap().clear();
                tokio::time::sleep(*time).await;
                // The response arrives at this time.
                self.holds.lock().unwrap().push(TimeHold::new());
                json!({ "statusCode": status }).to_string().into_response()
            }
        }
    }

    async fn start(self: &Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let handler = |State(lambda): State<Arc<Self>>,
                       Path(name): Path<String>,
                       headers: HeaderMap,
                       body: Bytes| async move {
            let function = name.strip_prefix("doorbell-").unwrap().to_owned();
            let script = if function == "authorizer" { &lambda.authorizer } else { &lambda.function };
            let event = serde_json::from_slice(&body).unwrap();
            lambda.calls.lock().unwrap().push(Call { function, headers, event });
            lambda.respond(script).await
        };
        let path = PATH.replace("doorbell-{}", "{name}");
        let app = Router::new().route(&path, post(handler)).with_state(Arc::clone(self));
        let app = app.layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(axum::serve(listener, app).into_future());
        addr
    }

    /// The URL of a gateway in front of it.
    async fn gateway(self: &Arc<Self>, signer: Option<Signer>) -> String {
        gateway_to(self.start().await, signer).await
    }

    /// The names of the called functions.
    fn called(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|call| call.function.clone()).collect()
    }
}

async fn gateway_to(lambda: SocketAddr, signer: Option<Signer>) -> String {
    let url = format!("http://{lambda}{PATH}").parse().unwrap();
    let functions = DeployedFunctions::new(http_client().unwrap(), url, signer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(serve_deployed(listener, functions, Origins::None, std::future::pending()));
    format!("http://{addr}")
}

async fn post_to(gateway: &str, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
    let request = http_client().unwrap().post(format!("{gateway}{path}")).bearer_auth("dbd_example");
    request.header("content-type", "application/json").body(body).send().await.unwrap()
}

/// Status and body of a heartbeat's response.
async fn heartbeat(lambda: Arc<Lambda>) -> (u16, String) {
    let response = post_to(&lambda.gateway(None).await, HEARTBEAT, "{}").await;
    (response.status().as_u16(), response.text().await.unwrap())
}

fn message(status: u16, message: &str) -> (u16, String) {
    (status, json!({ "message": message }).to_string())
}

fn internal_server_error() -> (u16, String) {
    message(500, "Internal Server Error")
}

fn service_unavailable() -> (u16, String) {
    message(503, "Service Unavailable")
}

#[tokio::test]
async fn function_gets_event_with_context_of_authorizer() {
    let lambda = Lambda::of(Script::payload(&json!({"statusCode": 200})));
    post_to(&lambda.gateway(None).await, HEARTBEAT, r#"{"a":1}"#).await;
    assert_eq!(lambda.called(), ["authorizer", "heartbeat"]);
    let event = &lambda.calls.lock().unwrap()[1].event;
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /api/daemon/heartbeat");
    assert_eq!(event["headers"]["authorization"], "Bearer dbd_example");
    assert_eq!(event["body"], r#"{"a":1}"#);
    let context = json!({"caller": "known", "of_a_newer_version": true});
    assert_eq!(event["requestContext"]["authorizer"], json!({ "lambda": context }));
}

#[tokio::test]
async fn authorizer_gets_event_without_body() {
    let lambda = Lambda::of(Script::payload(&json!({"statusCode": 200})));
    post_to(&lambda.gateway(None).await, HEARTBEAT, "{}").await;
    let calls = lambda.calls.lock().unwrap();
    let mut event = calls[0].event.clone();
    assert_eq!(event["type"], "REQUEST");
    assert_eq!(event["identitySource"], json!(["Bearer dbd_example"]));
    assert_eq!(
        event["routeArn"],
        "arn:aws:execute-api:us-east-1:000000000000:local/$default/POST/api/daemon/heartbeat"
    );
    // The rest is the function's event.
    let mut expected = calls[1].event.clone();
    expected["requestContext"].as_object_mut().unwrap().remove("authorizer");
    for field in ["body", "isBase64Encoded"] {
        expected.as_object_mut().unwrap().remove(field);
    }
    for field in ["type", "identitySource", "routeArn"] {
        event.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(event, expected);
}

#[tokio::test]
async fn public_route_has_no_authorizer() {
    let lambda = Lambda::of(Script::payload(&json!({"statusCode": 200})));
    post_to(&lambda.gateway(None).await, REDEEM, "{}").await;
    assert_eq!(lambda.called(), ["redeem"]);
}

#[tokio::test]
async fn passes_response_of_function_on() {
    let body = r#"{"error":"too many requests"}"#;
    let payload = json!({"statusCode": 429, "headers": {"retry-after": "3"}, "body": body});
    let lambda = Lambda::of(Script::payload(&payload));
    let response = post_to(&lambda.gateway(None).await, HEARTBEAT, "{}").await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    assert_eq!(response.text().await.unwrap(), body);
}

#[tokio::test]
async fn crashed_function_is_internal_server_error() {
    let payload = br#"{"errorType": "Runtime.ExitError", "errorMessage": "exited"}"#.to_vec();
    let crashed = Script::Respond(200, vec![("x-amz-function-error", "Unhandled")], payload);
    assert_eq!(heartbeat(Lambda::of(crashed)).await, internal_server_error());
}

/// As `cargo lambda watch` responds.
#[tokio::test]
async fn crashed_function_with_status_500_is_internal_server_error() {
    assert_eq!(heartbeat(Lambda::of(Script::status(500))).await, internal_server_error());
}

#[tokio::test]
async fn missing_function_is_internal_server_error() {
    assert_eq!(heartbeat(Lambda::of(Script::status(404))).await, internal_server_error());
}

#[tokio::test]
async fn function_that_may_not_be_invoked_is_internal_server_error() {
    assert_eq!(heartbeat(Lambda::of(Script::status(403))).await, internal_server_error());
}

#[tokio::test]
async fn garbage_is_internal_server_error() {
    let garbage = Script::Respond(200, Vec::new(), b"<html>".to_vec());
    assert_eq!(heartbeat(Lambda::of(garbage)).await, internal_server_error());
}

#[tokio::test]
async fn throttled_function_is_service_unavailable() {
    assert_eq!(heartbeat(Lambda::of(Script::status(429))).await, service_unavailable());
}

#[tokio::test]
async fn unavailable_lambda_is_service_unavailable() {
    assert_eq!(heartbeat(Lambda::of(Script::status(503))).await, service_unavailable());
}

#[tokio::test]
async fn response_over_6_mb_is_internal_server_error() {
    let response = |bytes: usize| {
        let frame = json!({"statusCode": 200, "body": ""}).to_string().len();
        Script::payload(&json!({"statusCode": 200, "body": "a".repeat(bytes - frame)}))
    };
    let limit = 6 * 1024 * 1024;
    assert_eq!(heartbeat(Lambda::of(response(limit))).await.0, 200);
    assert_eq!(heartbeat(Lambda::of(response(limit + 1))).await, internal_server_error());
}

#[tokio::test]
async fn event_over_6_mb_is_too_large() {
    let lambda = Lambda::of(Script::payload(&json!({"statusCode": 200})));
    let response = post_to(&lambda.gateway(None).await, REDEEM, "a".repeat(6 * 1024 * 1024)).await;
    assert_eq!(response.status(), 413);
    assert_eq!(lambda.called(), [""; 0]);
}

#[tokio::test]
async fn failing_authorizer_is_internal_server_error() {
    for authorizer in [
        Script::status(404),
        Script::status(429),
        Script::status(500),
        Script::Respond(200, vec![("x-amz-function-error", "Unhandled")], b"{}".to_vec()),
        Script::payload(&json!({"isAuthorized": "yes"})),
        Script::payload(&json!(null)),
    ] {
        let lambda = Lambda::new(authorizer, Script::payload(&json!({"statusCode": 200})));
        assert_eq!(heartbeat(Arc::clone(&lambda)).await, internal_server_error());
        assert_eq!(lambda.called(), ["authorizer"]);
    }
}

#[tokio::test]
async fn denied_call_is_forbidden() {
    let denied = Script::payload(&json!({"isAuthorized": false}));
    let lambda = Lambda::new(denied, Script::payload(&json!({"statusCode": 200})));
    assert_eq!(heartbeat(Arc::clone(&lambda)).await, message(403, "Forbidden"));
    assert_eq!(lambda.called(), ["authorizer"]);
}

/// A stack of an emulator that has not started yet, or restarts.
#[tokio::test]
async fn gateway_recovers_when_server_of_functions_starts() {
    let reserved = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = reserved.local_addr().unwrap();
    drop(reserved);
    let gateway = gateway_to(addr, None).await;
    let response = post_to(&gateway, REDEEM, "{}").await;
    assert_eq!((response.status().as_u16(), response.text().await.unwrap()), service_unavailable());

    let listener = TcpListener::bind(addr).await.unwrap();
    let app = Router::new().fallback(|| async { json!({"statusCode": 200}).to_string() });
    tokio::spawn(axum::serve(listener, app).into_future());
    assert_eq!(post_to(&gateway, REDEEM, "{}").await.status(), 200);
}

/// A function that responds after `time`.
async fn slow_function(time: Duration) -> (u16, String) {
    let lambda = Lambda::of(Script::After(time, 200));
    lambda.holds.lock().unwrap().push(TimeHold::new());
    let response = heartbeat(Arc::clone(&lambda)).await;
    lambda.holds.lock().unwrap().clear();
    response
}

#[tokio::test(start_paused = true)]
async fn function_may_take_almost_30_s() {
    assert_eq!(slow_function(Duration::from_millis(29_900)).await, (200, String::new()));
}

#[tokio::test(start_paused = true)]
async fn function_over_30_s_is_service_unavailable() {
    assert_eq!(slow_function(Duration::from_millis(30_100)).await, service_unavailable());
}

#[tokio::test]
async fn calls_are_signed_with_credentials() {
    let lambda = Lambda::of(Script::payload(&json!({"statusCode": 200})));
    let credentials = Credentials::new("example", "example", None, None, "test");
    let signer = Signer::new(SharedCredentialsProvider::new(credentials), "eu-west-1");
    post_to(&lambda.gateway(Some(signer)).await, HEARTBEAT, "{}").await;
    let calls = lambda.calls.lock().unwrap();
    for call in calls.iter() {
        let authorization = call.headers["authorization"].to_str().unwrap();
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=example/"), "{authorization}");
        assert!(authorization.contains("/eu-west-1/lambda/aws4_request, "), "{authorization}");
    }
    assert_eq!(calls.len(), 2);
}

#[tokio::test]
async fn calls_without_credentials_are_not_signed() {
    let lambda = Lambda::of(Script::payload(&json!({"statusCode": 200})));
    post_to(&lambda.gateway(None).await, HEARTBEAT, "{}").await;
    assert!(lambda.calls.lock().unwrap().iter().all(|call| !call.headers.contains_key("authorization")));
}
