//! The functions behind a local API Gateway.
//!
//! A request takes the way it takes in the cloud: route, caller, payload-2.0 event as JSON, function. Only the process
//! boundary is missing. The gateway is authoritative for nothing; what it answers by itself is what API Gateway would
//! (no such route, no valid token, too much at once), in our own words where API Gateway's are not ours to shape.

mod admission;
mod authenticator;
mod cors;
mod event;
mod invoke;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use doorbell_protocol::Ack;
use doorbell_shared::http::routes::{ROUTES, Route};
use doorbell_shared::http::{self, ApiError, AppState, response::json};
use doorbell_shared::store::{Store, TokenStore};
use tokio::net::TcpListener;

use admission::Admission;
pub use authenticator::Authenticator;
pub use cors::Origins;
pub use event::GatewayRequest;
pub use invoke::invoke;
pub use tokens::{DAEMON_A, DevToken, DevTokens, TOKENS, USER_A, WORKSPACE_A, WORKSPACE_B, issue_dev_tokens};

/// API Gateway refuses what is larger before any function sees it (AWS, "Quotas for HTTP APIs": 10 MB).
const PAYLOAD_BYTES: usize = 10 * 1024 * 1024;

/// API Gateway refuses a longer request line and headers (AWS, "Quotas for HTTP APIs").
const URI_BYTES: usize = 10_240;

/// Answers once the store is ready, which is before the socket is opened.
const HEALTH_PATH: &str = "/healthz";

/// What is served, and to whom.
pub struct Gateway<S, T> {
    /// What the functions stand on.
    pub backend: AppState<S>,
    /// What the authorizer stands on.
    pub authenticator: Authenticator<T>,
    /// The origins of browser clients.
    pub origins: Origins,
}

struct Served<S, T> {
    gateway: Gateway<S, T>,
    admission: Admission,
}

/// Serves the API on `listener` until `stop` is done and the calls under way are answered.
pub async fn serve<S: Store + 'static, T: TokenStore + 'static>(
    listener: TcpListener,
    gateway: Gateway<S, T>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let cors = gateway.origins.clone().layer();
    let served = Arc::new(Served { gateway, admission: Admission::default() });
    let app = Router::new().fallback(handle::<S, T>).with_state(served).layer(cors);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(stop).await
}

async fn handle<S: Store, T: TokenStore>(
    State(served): State<Arc<Served<S, T>>>,
    request: Request,
) -> Response {
    let response = if request.uri().path() == HEALTH_PATH {
        json(200, &Ack::default())
    } else {
        answer(&served, request).await.unwrap_or_else(|error| error.response())
    };
    response.map(|body| axum::body::Body::from(body.as_ref().to_vec()))
}

async fn answer<S: Store, T: TokenStore>(
    Served { gateway, admission }: &Served<S, T>,
    request: Request,
) -> Result<http::Response, ApiError> {
    let (parts, body) = request.into_parts();
    if parts.uri.path_and_query().is_some_and(|uri| uri.as_str().len() > URI_BYTES) {
        return Err(ApiError::UriTooLong);
    }
    let (route, parameters) = route(parts.method.as_str(), parts.uri.path())?;
    // Before there is a place: a client that stalls in the middle of its body keeps a socket, and nobody waiting.
    let body = to_bytes(body, PAYLOAD_BYTES).await.map_err(|_| ApiError::BodyTooLarge)?;
    let _place = admission.admit(route.function).await?;
    let caller = gateway.authenticator.caller(&parts.headers).await?;
    let backend = &gateway.backend;
    let incoming = GatewayRequest {
        route,
        parameters,
        parts: &parts,
        body: &body,
        caller: &caller,
        now: backend.clock.now(),
        gateway_request_id: backend.id_gen.lease_token().to_string(),
    };
    let event = serde_json::from_value(incoming.event()).map_err(|_| ApiError::InvalidBody)?;
    Ok(invoke(route.function, backend, &http::event::request(event)).await)
}

type Matched<'p> = (Route, Vec<(&'static str, &'p str)>);

/// The route of a method and path. A path that only other methods have is told from one that nobody has.
fn route<'p>(method: &str, path: &'p str) -> Result<Matched<'p>, ApiError> {
    let of_path = ROUTES.into_iter().filter_map(|route| Some((route, route.parameters(path)?)));
    let of_path: Vec<_> = of_path.collect();
    let methods: Vec<_> = of_path.iter().map(|(route, _)| route.method).collect();
    if methods.is_empty() {
        return Err(ApiError::RouteNotFound);
    }
    let allowed = methods.join(", ");
    let matched = of_path.into_iter().find(|(route, _)| route.method == method);
    matched.ok_or(ApiError::MethodNotAllowed(allowed))
}
