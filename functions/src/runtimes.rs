//! Runtimes: a client lists the runtimes of its workspaces, or of the one in `?workspace_id=`, sorted by name.
//! `GET /api/runtimes`.

use doorbell_protocol::{RuntimeRecord, Scope, WorkspaceId};
use doorbell_shared::access::Principal;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::store::Store;
use lambda_http::RequestExt as _;

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("runtimes", |_| Operation::List, request, runtimes(state, request)).await
}

async fn runtimes<S: Store>(
    state: &AppState<S>,
    request: &HttpRequest,
) -> Result<Vec<RuntimeRecord>, ApiError> {
    let caller = caller(request, Scope::User)?;
    input::limit_body(request)?;
    let workspaces = workspaces(request, &caller)?;

    let now = state.clock.now();
    let mut records = Vec::new();
    for workspace in workspaces {
        let listed = state.store.list_runtimes(workspace, now).await.map_err(Operation::List.failed())?;
        records.extend(listed.iter().map(|runtime| runtime.record(now)));
    }
    // Names are not unique; the id makes the order total.
    records.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    Ok(records)
}

fn workspaces(request: &HttpRequest, caller: &Principal) -> Result<Vec<WorkspaceId>, ApiError> {
    let query = request.query_string_parameters_ref();
    let Some(workspace) = query.and_then(|query| query.first("workspace_id")) else {
        return Ok(caller.workspaces.iter().collect());
    };
    let workspace = workspace.parse().map_err(|_| ApiError::InvalidWorkspaceId)?;
    if caller.workspaces.contains(workspace) { Ok(vec![workspace]) } else { Err(ApiError::WorkspaceNotFound) }
}
