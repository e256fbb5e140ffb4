//! Issue: an administrator creates a token of one workspace. `POST /api/tokens`.

use std::time::Duration;

use doorbell_protocol::limits::TOKEN_EXPIRY_MAX_S;
use doorbell_protocol::{IssuedToken, Scope, TokenBody, WorkspaceId};
use doorbell_shared::access::Workspaces;
use doorbell_shared::http::input::{caller, short_text, trimmed};
use doorbell_shared::http::response::{Operation, secret};
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond_with};
use doorbell_shared::id_gen;
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::TokenStore;
use doorbell_shared::token::TokenRecord;

use super::{FUNCTION, check_member, info, lifetime, log_event, required_workspace};

pub(super) async fn handle<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond_with(FUNCTION, |_| Operation::IssueToken, request, issue(state, request), secret).await
}

async fn issue<S: TokenStore>(state: &AppState<S>, request: &HttpRequest) -> Result<IssuedToken, ApiError> {
    let caller = caller(request, Scope::Admin)?;
    input::limit_body(request)?;
    let TokenRequest { workspace, scope, subject, lifetime, daemon_id } =
        input::body::<TokenBody>(request)?.try_into()?;
    check_member(&caller, workspace)?;

    let now = state.clock.now();
    let token = id_gen::token(scope).map_err(Operation::IssueToken.without_random())?;
    let record = TokenRecord {
        hash: token.hash(),
        subject,
        scopes: [scope].into(),
        workspaces: Workspaces::of(workspace),
        daemon_id,
        created_at: now,
        expires_at: lifetime.map(|lifetime| now + lifetime),
        last_four: token.last_four(),
        last_used_at: None,
    };
    state.store.issue_token(&record).await.map_err(Operation::IssueToken.failed())?;
    log_event("token created", &record, workspace);
    Ok(IssuedToken { info: info(&record, &caller), token: token.reveal().to_owned() })
}

/// A valid body.
struct TokenRequest {
    workspace: WorkspaceId,
    scope: Scope,
    subject: ShortText,
    lifetime: Option<Duration>,
    daemon_id: Option<ShortText>,
}

impl TryFrom<TokenBody> for TokenRequest {
    type Error = ApiError;
    fn try_from(body: TokenBody) -> Result<Self, ApiError> {
        let workspace = required_workspace(body.workspace_id)?;
        let scope = trimmed(body.scope).ok_or(ApiError::ScopeRequired)?;
        let scope = scope.parse().map_err(|_| ApiError::InvalidScope)?;
        let subject = short_text("subject", trimmed(body.subject).ok_or(ApiError::SubjectRequired)?)?;
        let lifetime = lifetime(body.expires_in_s, 1..=TOKEN_EXPIRY_MAX_S)?;
        let daemon_id = trimmed(body.daemon_id).map(|id| short_text("daemon_id", id)).transpose()?;
        // Other scopes act for no daemon.
        if daemon_id.is_some() && scope != Scope::Daemon {
            return Err(ApiError::InvalidText("daemon_id"));
        }
        Ok(Self { workspace, scope, subject, lifetime, daemon_id })
    }
}
