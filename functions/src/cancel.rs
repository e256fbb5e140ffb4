//! Cancel: a client cancels its request. `DELETE /api/runtimes/{runtimeId}/requests/{requestId}`.
//!
//! A request that has ended stays as it is. The next heartbeat or report of the daemon is answered with the cancellation.

use doorbell_protocol::Scope;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, metrics, respond};
use doorbell_shared::kinds::{JsonText, RouteKind};
use doorbell_shared::store::{CancelOutcome, Store};

/// The methods of a request on the own routes of a kind.
const OWN_ROUTE_METHODS: &str = "GET";

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("cancel", |_| Operation::Load, request, cancel(state, request)).await
}

async fn cancel<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<JsonText, ApiError> {
    let route = input::route_kind(request)?;
    if matches!(route, RouteKind::BuiltIn(_)) {
        return Err(ApiError::MethodNotAllowed(OWN_ROUTE_METHODS.to_owned()));
    }
    let caller = caller(request, Scope::User)?;
    input::limit_body(request)?;
    // As for a poll, a malformed id is not found.
    let address = input::address(request).map_err(|_| ApiError::RequestNotFound)?;

    let outcome = state.store.cancel(address, route.filter(), &caller, state.clock.now()).await;
    let request = match outcome.map_err(Operation::Load.failed())? {
        CancelOutcome::Cancelled(request) => {
            metrics::request_cancelled(request.kind);
            request
        }
        CancelOutcome::Ended(request) => request,
        CancelOutcome::NotFound => return Err(ApiError::RequestNotFound),
    };
    route.render(&request).map_err(|_| ApiError::CorruptResult(Operation::Load))
}
