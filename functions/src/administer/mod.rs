//! Administer: enrolment codes and tokens of a workspace, for administrators.
//!
//! One function with four routes: the calls are rare, and they need the same rights on the same items. The route selects the use case.

mod enrol;
mod issue;
mod list;
mod revoke;

use std::ops::RangeInclusive;
use std::time::Duration;

use doorbell_protocol::{Ack, TokenInfo, WorkspaceId};
use doorbell_shared::access::{Principal, loggable};
use doorbell_shared::http::input::trimmed;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::routes::Function;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond};
use doorbell_shared::store::TokenStore;
use doorbell_shared::token::TokenRecord;

/// The name in the log.
const FUNCTION: &str = "administer";

pub async fn handle<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Response {
    match input::function(request) {
        Some(Function::Enrol) => enrol::handle(state, request).await,
        Some(Function::ListTokens) => list::handle(state, request).await,
        Some(Function::IssueToken) => issue::handle(state, request).await,
        Some(Function::RevokeToken) => revoke::handle(state, request).await,
        // Only an invocation past API Gateway has another route.
        _ => {
            let not_found = async { Err::<Ack, _>(ApiError::RouteNotFound) };
            respond(FUNCTION, |_| Operation::ListTokens, request, not_found).await
        }
    }
}

/// Parses the workspace in a body or a query.
fn required_workspace(field: Option<String>) -> Result<WorkspaceId, ApiError> {
    let workspace = trimmed(field).ok_or(ApiError::WorkspaceIdRequired)?;
    workspace.parse().map_err(|_| ApiError::InvalidWorkspaceId)
}

/// Parses `expires_in_s`.
fn lifetime(seconds: Option<i64>, allowed: RangeInclusive<u32>) -> Result<Option<Duration>, ApiError> {
    let Some(seconds) = seconds else { return Ok(None) };
    let seconds = u32::try_from(seconds).ok().filter(|seconds| allowed.contains(seconds));
    seconds.map(|seconds| Some(Duration::from_secs(seconds.into()))).ok_or(ApiError::InvalidExpiry)
}

/// After the checks of the other fields, as in a registration.
fn check_member(caller: &Principal, workspace: WorkspaceId) -> Result<(), ApiError> {
    if caller.workspaces.contains(workspace) { Ok(()) } else { Err(ApiError::WorkspaceNotFound) }
}

/// The token as `caller` may see it: without workspaces that the caller is not in.
fn info(record: &TokenRecord, caller: &Principal) -> TokenInfo {
    TokenInfo {
        id: record.hash.id().to_string(),
        subject: record.subject.to_string(),
        scopes: record.scopes.iter().copied().collect(),
        workspaces: record.workspaces.iter().filter(|id| caller.workspaces.contains(*id)).collect(),
        daemon_id: record.daemon_id.as_ref().map(ToString::to_string),
        created_at: record.created_at,
        expires_at: record.expires_at,
        last_four: record.last_four.clone(),
        last_used_at: record.last_used_at,
    }
}

/// Logs what happened to a token of `workspace`. The span has the administrator.
fn log_event(event: &'static str, record: &TokenRecord, workspace: WorkspaceId) {
    tracing::info!(
        token_id = %record.hash.id(),
        subject = loggable(record.subject.as_str()),
        scopes = record.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "),
        workspace = %workspace,
        daemon_id = record.daemon_id.as_ref().map(|daemon_id| loggable(daemon_id.as_str())),
        "{event}"
    );
}
