//! Routing: the route table as an axum router, the gateway's own errors, and the call of a function.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{MethodFilter, any, on};
use doorbell_protocol::Ack;
use doorbell_shared::http::routes::{Function, ROUTES, Route};
use doorbell_shared::http::{self, ApiError, AppState, HttpRequest, response::json};
use doorbell_shared::store::{Store, TokenStore};

use crate::admission::Admission;
use crate::config::Gateway;
use crate::event::GatewayRequest;

/// API Gateway rejects a larger payload before it calls a function (AWS, "Quotas for HTTP APIs": 10 MB).
const PAYLOAD_BYTES: usize = 10 * 1024 * 1024;

/// API Gateway rejects a longer request line and headers (AWS, "Quotas for HTTP APIs").
const URI_BYTES: usize = 10_240;

/// Responds as soon as the socket is open, which is after the store is ready.
const HEALTH_PATH: &str = "/healthz";

struct GatewayState<S, T> {
    gateway: Gateway<S, T>,
    admission: Admission,
}

/// The API: every route of [`ROUTES`], and the health check.
pub(super) fn router<S: Store + 'static, T: TokenStore + 'static>(gateway: Gateway<S, T>) -> Router {
    let cors = gateway.origins.layer();
    let state = Arc::new(GatewayState { gateway, admission: Admission::default() });
    let routes = ROUTES.into_iter().fold(Router::new(), |router, route| {
        let handler = move |State(state): State<Arc<GatewayState<S, T>>>, request: Request| async move {
            into_axum(handle(&state, route, request).await.unwrap_or_else(|error| error.response()))
        };
        router.route(route.path, on(method_filter(route.method), handler))
    });
    routes
        .method_not_allowed_fallback(|uri: Uri| async move { into_axum(method_not_allowed(&uri).response()) })
        .fallback(|| async { into_axum(ApiError::RouteNotFound.response()) })
        .layer(from_fn(limit_uri))
        .route(HEALTH_PATH, any(|| async { into_axum(json(200, &Ack::default())) }))
        .layer(cors)
        .with_state(state)
}

/// # Panics
/// When the route table has a method that is not a standard one.
#[expect(clippy::expect_used, reason = "the route table is a constant")]
fn method_filter(method: &str) -> MethodFilter {
    let method = axum::http::Method::try_from(method).expect("a method of the route table");
    MethodFilter::try_from(method).expect("a standard method")
}

async fn limit_uri(request: Request, next: Next) -> Response {
    if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > URI_BYTES) {
        return into_axum(ApiError::UriTooLong.response());
    }
    next.run(request).await
}

fn method_not_allowed(uri: &Uri) -> ApiError {
    let routes = ROUTES.into_iter().filter(|route| route.parameters(uri.path()).is_some());
    ApiError::MethodNotAllowed(routes.map(|route| route.method).collect::<Vec<_>>().join(", "))
}

async fn handle<S: Store, T: TokenStore>(
    GatewayState { gateway, admission }: &GatewayState<S, T>,
    route: Route,
    request: Request,
) -> Result<http::Response, ApiError> {
    let (parts, body) = request.into_parts();
    // axum routes HEAD to the handler of GET.
    if parts.method.as_str() != route.method {
        return Err(method_not_allowed(&parts.uri));
    }
    // Before the permit: a client that stalls in the middle of its body holds a socket and no permit.
    let body = to_bytes(body, PAYLOAD_BYTES).await.map_err(|_| ApiError::BodyTooLarge)?;
    let _permit = admission.admit(route.function).await?;
    let caller = gateway.authenticator.caller(&parts.headers).await?;
    let state = &gateway.state;
    let now = state.clock.now();
    let gateway_request_id = state.id_gen.lease_token().to_string();
    let event = GatewayRequest { route, parts, body, caller, now, gateway_request_id }.into_event();
    Ok(invoke(route.function, state, &http::event::request(event)).await)
}

/// Calls the function of a route, as API Gateway's integration does.
pub async fn invoke<S: Store>(
    function: Function,
    state: &AppState<S>,
    request: &HttpRequest,
) -> http::Response {
    match function {
        Function::Initiate => doorbell_functions::initiate::handle(state, request).await,
        Function::Poll => doorbell_functions::poll::handle(state, request).await,
        Function::Runtimes => doorbell_functions::runtimes::handle(state, request).await,
        Function::Register => doorbell_functions::register::handle(state, request).await,
        Function::Deregister => doorbell_functions::deregister::handle(state, request).await,
        Function::Heartbeat => doorbell_functions::heartbeat::handle(state, request).await,
        Function::Report => doorbell_functions::report::handle(state, request).await,
    }
}

fn into_axum(response: http::Response) -> Response {
    response.map(|body| match body {
        lambda_http::Body::Text(text) => Body::from(text),
        body => Body::from(body.to_vec()),
    })
}
