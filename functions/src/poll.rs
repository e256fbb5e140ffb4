//! Poll: a client reads its request. `GET /api/runtimes/{runtimeId}/{kind}/{requestId}`.
//!
//! With `?wait=` the response is held until the request has ended.

use doorbell_protocol::Scope;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{
    ApiError, AppState, HttpRequest, Response, input, respond_held, within_call_timeout,
};
use doorbell_shared::kinds::JsonText;
use doorbell_shared::store::Store;

use crate::held::{Hold, read};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond_held("poll", request, poll(state, request)).await
}

async fn poll<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<JsonText, ApiError> {
    let route = input::route_kind(request)?;
    let caller = caller(request, Scope::User)?;
    input::limit_body(request)?;
    let hold = Hold::of(request)?;
    // The contract has no 400 here: a malformed id is not found.
    let address = input::address(request).map_err(|_| ApiError::RequestNotFound)?;

    let found = within_call_timeout(|| Operation::Load, async {
        let found = read(state, address, route.filter(), &caller).await;
        found.map_err(Operation::Load.failed())?.ok_or(ApiError::RequestNotFound)
    });
    let again = || read(state, address, route.filter(), &caller);
    let request = hold.until_ended(found.await?, again).await;
    route.render(&request).map_err(|_| ApiError::CorruptResult(Operation::Load))
}
