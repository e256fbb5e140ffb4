//! Runtimes: what a person's client can ring.
//!
//! `GET /api/runtimes`, of all the caller's workspaces or, with `?workspace_id=`, of one of them; by name.

use doorbell_shared::access::{Principal, Scope};
use doorbell_shared::http::error::Operation;
use doorbell_shared::http::{ApiError, Backend, Response, answer, input, principal};
use doorbell_shared::id::WorkspaceId;
use doorbell_shared::store::Runtimes;
use doorbell_shared::wire::RuntimeRecord;
use lambda_http::{Request, RequestExt};

/// Answers one event.
pub async fn handle<S: Runtimes>(backend: &Backend<S>, request: &Request) -> Response {
    answer("runtimes", request, runtimes(backend, request)).await
}

async fn runtimes<S: Runtimes>(
    backend: &Backend<S>,
    request: &Request,
) -> Result<Vec<RuntimeRecord>, ApiError> {
    let caller = principal::caller(request, Scope::User)?;
    input::limit_body(request)?;
    let workspaces = workspaces(request, &caller)?;

    let now = backend.clock.now();
    let mut records = Vec::new();
    for workspace in workspaces {
        let runtimes = backend.store.runtimes(workspace, now).await;
        let runtimes = runtimes.map_err(Operation::List.failed())?;
        records.extend(runtimes.iter().map(|runtime| RuntimeRecord::new(runtime, now)));
    }
    // Names need not be unique; the id makes the order total, so that two lists of the same are the same.
    records.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    Ok(records)
}

fn workspaces(request: &Request, caller: &Principal) -> Result<Vec<WorkspaceId>, ApiError> {
    let query = request.query_string_parameters_ref();
    let Some(named) = query.and_then(|query| query.first("workspace_id")) else {
        return Ok(caller.workspaces.iter().collect());
    };
    let workspace = named.parse().map_err(|_| ApiError::InvalidWorkspaceId)?;
    if caller.workspaces.contains(workspace) { Ok(vec![workspace]) } else { Err(ApiError::WorkspaceNotFound) }
}
