//! Workspaces: a daemon lists the workspaces of its token. `GET /api/daemon/workspaces`.
//!
//! The authorizer has read them with the token, so nothing else is read.

use doorbell_protocol::{Scope, WorkspaceRecord};
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, HttpRequest, Response, input, respond};

pub async fn handle(request: &HttpRequest) -> Response {
    respond("workspaces", |_| Operation::Workspaces, request, async { workspaces(request) }).await
}

fn workspaces(request: &HttpRequest) -> Result<Vec<WorkspaceRecord>, ApiError> {
    let caller = caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    Ok(caller.workspaces.iter().map(|id| WorkspaceRecord { id, name: id.to_string() }).collect())
}
