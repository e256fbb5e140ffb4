//! Events as API Gateway sends them, for calling a function without HTTP: built by the gateway's own builder.

use axum::http;
use doorbell_cli::gateway::{Incoming, WORKSPACE_A};
use doorbell_shared::access::Scope;
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::http::principal::{AuthorizerContext, Caller};
use doorbell_shared::http::routes::{Function, ROUTES};
use doorbell_shared::time::Timestamp;
use serde_json::Value;

/// The event of a call of `function` by somebody in workspace A, at `path`, with a JSON body, as a function reads it.
pub fn event(function: Function, scope: Scope, path: &str, body: &Value) -> lambda_http::Request {
    lambda_http::request::from_str(&payload(function, scope, path, body, SystemClock.now()).to_string())
        .unwrap()
}

/// The same as API Gateway's JSON, of a call at `now`.
pub fn payload(function: Function, scope: Scope, path: &str, body: &Value, now: Timestamp) -> Value {
    let route = ROUTES.into_iter().find(|route| route.function == function).unwrap();
    let request = http::Request::builder().method(route.method).uri(path).header("host", "localhost");
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
