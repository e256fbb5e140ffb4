//! Events as API Gateway sends them, for calling a function without HTTP: built by the gateway's own builder.

use doorbell_cli::gateway::{Incoming, WORKSPACE_A};
use doorbell_shared::access::Scope;
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::http;
use doorbell_shared::http::principal::{AuthorizerContext, Caller};
use doorbell_shared::http::routes::{Function, ROUTES};
use doorbell_shared::time::Timestamp;
use lambda_http::Request;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde_json::Value;

/// What `function` reads of a call by somebody in workspace A, at `path`, with a JSON body.
pub fn event(function: Function, scope: Scope, path: &str, body: &Value) -> Request {
    http::event::request(payload(function, scope, path, body))
}

/// The event of that call, as the Lambda runtime hands it to `main`.
pub fn payload(function: Function, scope: Scope, path: &str, body: &Value) -> ApiGatewayV2httpRequest {
    serde_json::from_value(payload_json(function, scope, path, body, SystemClock.now())).unwrap()
}

/// The event of that call at `now`, as API Gateway writes it.
pub fn payload_json(function: Function, scope: Scope, path: &str, body: &Value, now: Timestamp) -> Value {
    let route = ROUTES.into_iter().find(|route| route.function == function).unwrap();
    let request = axum::http::Request::builder().method(route.method).uri(path).header("host", "localhost");
    let (parts, ()) = request.header("content-type", "application/json").body(()).unwrap().into_parts();
    let caller = Caller::Known(AuthorizerContext {
        subject: "tester".to_owned(),
        scopes: vec![scope.to_string()],
        workspaces: vec![WORKSPACE_A.parse().unwrap()],
    });
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let incoming = Incoming {
        route,
        parameters: route.parameters(parts.uri.path()).unwrap(),
        parts: &parts,
        body: body.as_bytes(),
        caller: &caller,
        now,
        gateway_request_id: "test".to_owned(),
    };
    incoming.event()
}
