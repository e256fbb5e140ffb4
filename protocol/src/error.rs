//! Error bodies, and the texts that existing clients and daemons compare.

use serde::{Deserialize, Serialize};

/// The body of every error response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// One of [`error_text`], or a text with details.
    pub error: String,
}

/// `{"status":"ok"}`: the response to report, deregister, forget and the health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// Always `ok`.
    pub status: String,
}

impl Default for Ack {
    fn default() -> Self {
        Self { status: "ok".to_owned() }
    }
}

/// Texts of [`ErrorBody`] from the contract, each with its status.
pub mod error_text {
    /// 400: the path or body has a malformed runtime id.
    pub const INVALID_RUNTIME_ID: &str = "invalid runtime_id";
    /// 400: the query or body has a malformed workspace id.
    pub const INVALID_WORKSPACE_ID: &str = "invalid workspace_id";
    /// 400: the body is not a JSON object of the route's shape.
    pub const INVALID_BODY: &str = "invalid request body";
    /// 400: `limit` in the query is not a number from 1 to [`RUNTIMES_PER_PAGE`](crate::limits::RUNTIMES_PER_PAGE).
    pub const INVALID_LIMIT: &str = "invalid limit";
    /// 400: `cursor` in the query is not one that a list has returned to this caller.
    pub const INVALID_CURSOR: &str = "invalid cursor";
    /// 400: a heartbeat without `runtime_id`.
    pub const RUNTIME_ID_REQUIRED: &str = "runtime_id is required";
    /// 400: a deregistration without `runtime_ids`.
    pub const RUNTIME_IDS_REQUIRED: &str = "runtime_ids is required";
    /// 400: a registration without `daemon_id`.
    pub const DAEMON_ID_REQUIRED: &str = "daemon_id is required";
    /// 400: a registration without `workspace_id`.
    pub const WORKSPACE_ID_REQUIRED: &str = "workspace_id is required";
    /// 400: a registration with neither runtimes nor failed profiles.
    pub const NOTHING_TO_REGISTER: &str = "at least one runtime or failed profile is required";
    /// 400: a request without `kind`.
    pub const KIND_REQUIRED: &str = "kind is required";
    /// 400: `kind` is not a name of a kind.
    pub const INVALID_KIND: &str = "invalid kind";
    /// 400: `queue_s` is not a number from 0 to [`QUEUE_MAX_S`](crate::limits::QUEUE_MAX_S).
    pub const INVALID_QUEUE: &str = "invalid queue_s";
    /// 400: `wait` in the query is not a number from 0 to [`WAIT_MAX_S`](crate::limits::WAIT_MAX_S).
    pub const INVALID_WAIT: &str = "invalid wait";
    /// 400: the header `Idempotency-Key` is not 1 to 64 visible ASCII characters.
    pub const INVALID_IDEMPOTENCY_KEY: &str = "invalid idempotency key";
    /// 400: a heartbeat of a daemon without runtimes.
    pub const RUNTIMES_REQUIRED: &str = "runtimes is required";
    /// 400: a heartbeat of a daemon with more than [`RUNTIMES_PER_HEARTBEAT`](crate::limits::RUNTIMES_PER_HEARTBEAT).
    pub const TOO_MANY_RUNTIMES_AT_ONCE: &str = "too many runtimes";
    /// 400: `expires_in_s` is not a number of seconds within the route's limits.
    pub const INVALID_EXPIRY: &str = "invalid expires_in_s";
    /// 400: a redemption without `code`.
    pub const CODE_REQUIRED: &str = "code is required";
    /// 400: a new token without `scope`.
    pub const SCOPE_REQUIRED: &str = "scope is required";
    /// 400: `scope` is not the name of a [`Scope`](crate::Scope).
    pub const INVALID_SCOPE: &str = "invalid scope";
    /// 400: a new token without `subject`.
    pub const SUBJECT_REQUIRED: &str = "subject is required";
    /// 401: no token, or an unknown one.
    pub const UNAUTHENTICATED: &str = "a valid bearer token is required";
    /// 404: unknown, or in a workspace that the token does not include.
    pub const RUNTIME_NOT_FOUND: &str = "runtime not found";
    /// 404: unknown, expired, or of another runtime, kind or workspace.
    pub const REQUEST_NOT_FOUND: &str = "request not found";
    /// 404: a workspace that the token does not include.
    pub const WORKSPACE_NOT_FOUND: &str = "workspace not found";
    /// 404: no such route, or a heartbeat for a runtime of another workspace.
    pub const NOT_FOUND: &str = "not found";
    /// 404: the runtime has not declared the kind.
    pub const UNKNOWN_KIND: &str = "unknown kind";
    /// 404: the code is unknown, redeemed or expired.
    pub const ENROLMENT_NOT_FOUND: &str = "enrolment not found";
    /// 404: no such token, or none of the workspace.
    pub const TOKEN_NOT_FOUND: &str = "token not found";
    /// 405: the route has other methods, listed in `Allow`.
    pub const METHOD_NOT_ALLOWED: &str = "method not allowed";
    /// 409: the registration would exceed [`RUNTIMES_PER_WORKSPACE`](crate::limits::RUNTIMES_PER_WORKSPACE).
    pub const TOO_MANY_RUNTIMES: &str = "too many runtimes in this workspace";
    /// 409: the idempotency key was used with another kind or other args.
    pub const IDEMPOTENCY_KEY_USED: &str = "idempotency key was used for another request";
    /// 413: the args are over [`ARGS_BYTES`](crate::limits::ARGS_BYTES).
    pub const ARGS_TOO_LARGE: &str = "args too large";
    /// 413: the body is over [`BODY_BYTES`](crate::limits::BODY_BYTES).
    pub const BODY_TOO_LARGE: &str = "request body too large";
    /// 413: the result is over [`RESULT_BYTES`](crate::limits::RESULT_BYTES).
    pub const REPORT_TOO_LARGE: &str = "report too large";
    /// 414: path and query are over API Gateway's limit.
    pub const URI_TOO_LONG: &str = "path and query too long";
    /// 429, with `Retry-After`: the runtime's rate limit.
    pub const RATE_LIMITED: &str = "too many requests for this runtime";
    /// 429, with `Retry-After`: the runtime has [`OPEN_REQUESTS_PER_RUNTIME`](crate::limits::OPEN_REQUESTS_PER_RUNTIME).
    pub const TOO_MANY_OPEN_REQUESTS: &str = "too many open requests for this runtime";
    /// 429, with `Retry-After`: the token's rate limit of rings.
    pub const RINGS_LIMITED: &str = "too many requests for this token";
    /// 503, with `Retry-After`: the token's rate limit of registrations. Daemons retry a 5xx.
    pub const REGISTRATIONS_LIMITED: &str = "too many registrations for this token";
    /// 500: the authorizer failed.
    pub const AUTHORIZATION_UNCHECKED: &str = "authorization could not be checked";
    /// 503: no heartbeat within [`ONLINE_WINDOW`](crate::limits::ONLINE_WINDOW), or deregistered.
    pub const RUNTIME_OFFLINE: &str = "runtime is offline";
    /// 503, with `Retry-After`: `doorbell dev` sheds load.
    pub const SERVER_BUSY: &str = "server is busy";
}
