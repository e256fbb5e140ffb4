//! Events as API Gateway sends them, for calling a function without HTTP: built by the gateway's own builder.

use axum::http;
use doorbell_cli::gateway::{Incoming, WORKSPACE_A};
use doorbell_shared::access::Scope;
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::http::principal::{AuthorizerContext, Caller};
use doorbell_shared::http::routes::{Function, ROUTES};
use serde_json::Value;

/// The event of a call of `function` by somebody in workspace A, at `path`, with a JSON body.
pub fn event(function: Function, scope: Scope, path: &str, body: &Value) -> lambda_http::Request {
    let route = ROUTES.into_iter().find(|route| route.function == function).unwrap();
    let request = http::Request::builder().method(route.method).uri(path).header("host", "localhost");
    let (parts, ()) = request.header("content-type", "application/json").body(()).unwrap().into_parts();
    let caller = Caller::Known(AuthorizerContext {
        subject: "tester".to_owned(),
        scopes: vec![scope.to_string()],
        workspaces: vec![WORKSPACE_A.parse().unwrap()],
    });
    let body = body.to_string();
    let incoming = Incoming {
        route,
        parameters: route.parameters(parts.uri.path()).unwrap(),
        parts: &parts,
        body: body.as_bytes(),
        caller: &caller,
        now: SystemClock.now(),
        gateway_request_id: "test".to_owned(),
    };
    lambda_http::request::from_str(&incoming.event().to_string()).unwrap()
}
