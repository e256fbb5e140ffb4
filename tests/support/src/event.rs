//! API Gateway events, to call a function without HTTP.

use doorbell_gateway::{GatewayRequest, WORKSPACE_A};
use doorbell_protocol::{Scope, Timestamp};
use doorbell_shared::clock::{Clock, SystemClock};
use doorbell_shared::http::input::{AuthorizerContext, Caller};
use doorbell_shared::http::routes::{self, Function, Route};
use doorbell_shared::http::{self, HttpRequest};
use doorbell_shared::token_id::TokenId;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde_json::Value;

/// The route of a function, the first one of the page.
pub fn route(function: Function) -> Route {
    routes::all().find(|route| route.function == function).unwrap()
}

/// The request of a call in workspace A.
pub fn event(function: Function, scope: Scope, path: &str, body: &Value) -> HttpRequest {
    http::event::request(lambda_event(function, scope, path, body))
}

/// The request of a call by `caller` at `now`.
pub fn event_from(
    caller: &AuthorizerContext,
    function: Function,
    path: &str,
    body: &Value,
    now: Timestamp,
) -> HttpRequest {
    http::event::request(typed_event(Caller::Known(caller.clone()), function, path, body, now))
}

/// The event of a call in workspace A, as the Lambda runtime passes it to `main`.
pub fn lambda_event(function: Function, scope: Scope, path: &str, body: &Value) -> ApiGatewayV2httpRequest {
    typed_event(caller(scope), function, path, body, SystemClock.now())
}

/// A caller in workspace A.
pub fn caller(scope: Scope) -> Caller {
    Caller::Known(AuthorizerContext {
        subject: "tester".to_owned(),
        token_id: Some(TokenId::of_subject("tester")),
        scopes: vec![scope],
        workspaces: vec![WORKSPACE_A.parse().unwrap()],
        daemon_id: None,
    })
}

/// The event of a call by `caller` at `now`, as JSON.
pub fn event_json(caller: &Caller, function: Function, path: &str, body: &Value, now: Timestamp) -> Value {
    serde_json::to_value(typed_event(caller.clone(), function, path, body, now)).unwrap()
}

fn typed_event(
    caller: Caller,
    function: Function,
    path: &str,
    body: &Value,
    now: Timestamp,
) -> ApiGatewayV2httpRequest {
    let route = route(function);
    let request = axum::http::Request::builder().method(route.method).uri(path).header("host", "localhost");
    let (parts, ()) = request.header("content-type", "application/json").body(()).unwrap().into_parts();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let gateway_request_id = "test".to_owned();
    let caller = route.scope.map(|_| caller);
    GatewayRequest { route, parts, body: body.into(), caller, now, gateway_request_id }.into_event()
}
