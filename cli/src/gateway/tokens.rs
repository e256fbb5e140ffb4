//! The tokens of `doorbell dev`, for a person and a daemon in each of two workspaces. They are fixed and public, which is
//! why the gateway refuses to listen beyond loopback.

use axum::http::{HeaderMap, header};
use doorbell_shared::access::Scope;
use doorbell_shared::http::principal::AuthorizerContext;

/// The first workspace.
pub const WORKSPACE_A: &str = "00000000-0000-4000-8000-00000000000a";
/// The second: what is in the one does not exist in the other.
pub const WORKSPACE_B: &str = "00000000-0000-4000-8000-00000000000b";

/// A token that `doorbell dev` knows.
#[derive(Clone, Copy, Debug)]
pub struct DevToken {
    /// What is sent.
    pub token: &'static str,
    /// Whose it is.
    pub subject: &'static str,
    /// What it may be used for.
    pub scope: Scope,
    /// Whose things it may see.
    pub workspace: &'static str,
}

/// A person in the first workspace.
pub const USER_A: DevToken =
    DevToken { token: "dbu_dev_a", subject: "user-a", scope: Scope::User, workspace: WORKSPACE_A };
/// A daemon in the first workspace.
pub const DAEMON_A: DevToken =
    DevToken { token: "dbd_dev_a", subject: "daemon-a", scope: Scope::Daemon, workspace: WORKSPACE_A };
const USER_B: DevToken =
    DevToken { token: "dbu_dev_b", subject: "user-b", scope: Scope::User, workspace: WORKSPACE_B };
const DAEMON_B: DevToken =
    DevToken { token: "dbd_dev_b", subject: "daemon-b", scope: Scope::Daemon, workspace: WORKSPACE_B };

/// Every token there is.
pub const TOKENS: [DevToken; 4] = [USER_A, DAEMON_A, USER_B, DAEMON_B];

/// The caller, by the request's bearer token.
pub(super) fn caller(headers: &HeaderMap) -> Option<AuthorizerContext> {
    let presented = bearer(headers.get(header::AUTHORIZATION)?.to_str().ok()?)?;
    let known = TOKENS.into_iter().find(|known| known.token == presented)?;
    Some(AuthorizerContext {
        subject: known.subject.to_owned(),
        scopes: vec![known.scope.to_string()],
        workspaces: vec![known.workspace.parse().ok()?],
    })
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
