//! Routing: the route table as an axum router, the gateway's own errors, and the call of a function.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{MethodFilter, any, on};
use doorbell_functions::page::SignIn;
use doorbell_protocol::Ack;
use doorbell_shared::http::routes::{self, Function, Route};
use doorbell_shared::http::{self, ApiError, AppState, HttpRequest, response::json};
use doorbell_shared::store::{Store, TokenStore};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::admission::{Admission, CallClass};
use crate::config::Origins;
use crate::dispatch::{Dispatch, Rejection};
use crate::event::GatewayRequest;
use crate::host::LocalHosts;

/// API Gateway rejects a larger payload before it calls a function (AWS, "Quotas for HTTP APIs": 10 MB).
const PAYLOAD_BYTES: usize = 10 * 1024 * 1024;

/// API Gateway rejects a longer request line and headers (AWS, "Quotas for HTTP APIs").
const URI_BYTES: usize = 10_240;

/// Responds as soon as the socket is open, which is after the store is ready.
const HEALTH_PATH: &str = "/healthz";

struct GatewayState<D> {
    functions: D,
    admission: Option<Admission>,
}

/// The API and the page: every route of [`routes::all`], and the health check. All of it answers to `hosts` only.
pub(super) fn router<D: Dispatch>(functions: D, origins: &Origins, hosts: LocalHosts) -> Router {
    let cors = origins.layer();
    let admission = functions.admission();
    let state = Arc::new(GatewayState { functions, admission });
    let routes = routes::all().fold(Router::new(), |router, route| {
        let handler = move |State(state): State<Arc<GatewayState<D>>>, request: Request| async move {
            into_axum(handle(&state, route, request).await.unwrap_or_else(Rejection::response))
        };
        router.route(route.path, on(method_filter(route.method), handler))
    });
    let routes = routes
        .method_not_allowed_fallback(|uri: Uri| async move { into_axum(no_match(&uri).response()) })
        .fallback(|| async { into_axum(ApiError::RouteNotFound.response()) })
        .layer(from_fn(limit_uri))
        .route(HEALTH_PATH, any(|| async { into_axum(json(200, &Ack::default())) }))
        .with_state(state);
    // In a router of their own: axum adds `Allow` to what the layers of a route respond, preflights and 404 included.
    let routes = Router::new().fallback_service(routes).layer(map_response(keep_allow_of_405)).layer(cors);
    routes.layer(from_fn_with_state(Arc::new(hosts), require_local_host))
}

pub(super) async fn require_local_host(
    State(hosts): State<Arc<LocalHosts>>,
    request: Request,
    next: Next,
) -> Response {
    match hosts.check(&request) {
        Ok(()) => next.run(request).await,
        Err(error) => into_axum(error.response()),
    }
}

async fn keep_allow_of_405(mut response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().remove(header::ALLOW);
    }
    response
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

/// 405 with the methods of the path, or 404.
fn no_match(uri: &Uri) -> ApiError {
    let routes = routes::all().filter(|route| route.serves(uri.path()));
    let methods: Vec<_> = routes.map(|route| route.method).collect();
    if methods.is_empty() { ApiError::RouteNotFound } else { ApiError::MethodNotAllowed(methods.join(", ")) }
}

async fn handle<D: Dispatch>(
    GatewayState { functions, admission }: &GatewayState<D>,
    route: Route,
    request: Request,
) -> Result<http::Response, Rejection> {
    let (parts, body) = request.into_parts();
    // axum routes HEAD to the handler of GET, and matches parameters that are empty.
    if parts.method.as_str() != route.method || parts.uri.path().contains("//") {
        return Err(no_match(&parts.uri).into());
    }
    // Before the permit: a client that stalls in the middle of its body holds a socket and no permit.
    let body = read(body).await?;
    let class = CallClass::of(route.function, parts.uri.query());
    let _permit = match admission {
        Some(admission) => Some(admission.admit(class).await?),
        None => None,
    };
    let now = functions.now();
    let gateway_request_id = functions.gateway_request_id();
    let mut event = GatewayRequest { route, parts, body, caller: None, now, gateway_request_id }.into_event();
    if route.scope.is_some() {
        event.request_context.authorizer = Some(functions.authorize(&event).await?);
    }
    functions.call(route.function, event).await
}

/// The whole body. Only the length limit is a 413; a body that is cut off or badly chunked is malformed.
async fn read(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, PAYLOAD_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::BodyTooLarge),
        Err(_) => Err(ApiError::InvalidBody),
    }
}

/// Calls the function of a route, as API Gateway's integration does. `tokens` may have another store. The page has no sign-in with OIDC.
pub async fn invoke<S: Store, T: TokenStore>(
    function: Function,
    state: &AppState<S>,
    tokens: &AppState<T>,
    request: &HttpRequest,
) -> http::Response {
    match function {
        Function::Initiate => doorbell_functions::initiate::handle(state, request).await,
        Function::Poll => doorbell_functions::poll::handle(state, request).await,
        Function::Cancel => doorbell_functions::cancel::handle(state, request).await,
        Function::Runtimes => doorbell_functions::runtimes::handle(state, request).await,
        Function::Forget => doorbell_functions::forget::handle(state, request).await,
        Function::Register => doorbell_functions::register::handle(state, request).await,
        Function::Deregister => doorbell_functions::deregister::handle(state, request).await,
        Function::Heartbeat => doorbell_functions::heartbeat::handle(state, request).await,
        Function::Report => doorbell_functions::report::handle(state, request).await,
        Function::Workspaces => doorbell_functions::workspaces::handle(request).await,
        Function::Redeem => doorbell_functions::redeem::handle(tokens, request).await,
        Function::Enrol | Function::ListTokens | Function::IssueToken | Function::RevokeToken => {
            doorbell_functions::administer::handle(tokens, request).await
        }
        Function::Page => doorbell_functions::page::handle(None::<&SignIn>, request, state.clock.now()).await,
    }
}

fn into_axum(response: http::Response) -> Response {
    response.map(|body| match body {
        lambda_http::Body::Text(text) => Body::from(text),
        body => Body::from(body.to_vec()),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Method;
    use doorbell_shared::http::routes::{PAGE_ROUTES, ROUTES};
    use doorbell_shared::store::memory::MemoryStore;
    use tower::ServiceExt as _;

    use super::*;
    use crate::config::{Authenticator, Gateway};

    async fn response(method: Method, uri: &str) -> Response {
        let store = MemoryStore::default();
        let authenticator = Authenticator::of_tokens(AppState::new(store.clone()));
        let gateway =
            Gateway { state: AppState::new(store), authenticator, origins: Origins::None, sign_in: None };
        let request = Request::builder().method(method).uri(uri).header(header::HOST, "localhost:3000");
        let hosts = LocalHosts::of(([127, 0, 0, 1], 3000).into());
        router(gateway, &Origins::None, hosts).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn unknown_paths_are_not_found() {
        let empty_parameters =
            ["/api/runtimes//models", "/api/runtimes/a/models/", "/api/daemon/runtimes//models//result"];
        for path in ["/page", "/api/runtimes/", "/API/runtimes"].into_iter().chain(empty_parameters) {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                let response = response(method, path).await;
                assert_eq!(
                    (response.status().as_u16(), response.headers().get(header::ALLOW)),
                    (404, None),
                    "{path}"
                );
            }
        }
    }

    #[tokio::test]
    async fn other_methods_are_not_allowed() {
        for path in ["/api/runtimes", "/", "/page.js"] {
            for method in [Method::HEAD, Method::POST, Method::DELETE] {
                let response = response(method, path).await;
                assert_eq!(response.status(), 405, "{path}");
                assert_eq!(response.headers()[header::ALLOW], "GET");
            }
        }
    }

    #[tokio::test]
    async fn every_route_reaches_its_function() {
        for route in ROUTES {
            let method = Method::try_from(route.method).unwrap();
            let path = route.path.replace("{kind}", "requests").replace(['{', '}'], "");
            // The public route has no caller and, here, no body.
            let expected = if route.scope.is_some() { 401 } else { 400 };
            assert_eq!(response(method, &path).await.status(), expected, "{path}");
        }
        for route in PAGE_ROUTES {
            assert_eq!(response(Method::GET, route.path).await.status(), 200, "{}", route.path);
        }
    }

    #[tokio::test]
    async fn uri_length_is_limited() {
        let uri = |length: usize| format!("/healthy?{}", "a".repeat(length - "/healthy?".len()));
        assert_eq!(response(Method::GET, &uri(URI_BYTES)).await.status(), 404);
        assert_eq!(response(Method::GET, &uri(URI_BYTES + 1)).await.status(), 414);
    }
}
