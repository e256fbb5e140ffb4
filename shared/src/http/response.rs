//! Responses: JSON bodies, and every error that a caller can get with its status and text.

use std::borrow::Cow;

use doorbell_protocol::limits::TEXT_CHARS;
use doorbell_protocol::{ErrorBody, Scope, error_text as text};
use lambda_http::Body;
use lambda_http::http::{HeaderName, HeaderValue, Response as HttpResponse, header};
use serde::Serialize;

use crate::limits::FULL_QUEUE_RETRY;
use crate::questions::InvalidQuestions;
use crate::rate_limit::RateLimited;
use crate::store::StoreError;

/// Why a call was not answered with 200.
#[derive(Debug)]
pub enum ApiError {
    Unauthenticated,
    /// The authorizer failed. Never a 401: a daemon takes that for "log in again".
    AuthorizationUnchecked,
    MissingScope(Scope),
    BodyTooLarge,
    InvalidBody,
    InvalidRuntimeId,
    InvalidWorkspaceId,
    /// `limit` in a query.
    InvalidLimit,
    /// `cursor` in a query: malformed, or of a workspace that the caller may not list.
    InvalidCursor,
    /// `wait` in a query.
    InvalidWait,
    InvalidIdempotencyKey,
    KindRequired,
    InvalidKind,
    /// `queue_s` in a body.
    InvalidQueue,
    RuntimeIdRequired,
    RuntimeIdsRequired,
    /// A heartbeat of a daemon without runtimes.
    RuntimesRequired,
    /// A heartbeat of a daemon with too many runtimes.
    TooManyHeartbeats,
    /// The named question in a registration.
    InvalidQuestion(String),
    /// The questions of a runtime are too many, or too large.
    TooManyQuestions(InvalidQuestions),
    DaemonIdRequired,
    WorkspaceIdRequired,
    NothingToRegister,
    /// More runtimes in one call than this limit.
    TooManyRuntimes(usize),
    /// The named field is longer than [`TEXT_CHARS`].
    TextTooLong(&'static str),
    /// The named field has control characters.
    InvalidText(&'static str),
    /// `expires_in_s` in a body.
    InvalidExpiry,
    CodeRequired,
    ScopeRequired,
    InvalidScope,
    SubjectRequired,
    RuntimeNotFound,
    /// A heartbeat for a runtime of another workspace.
    OtherWorkspacesRuntime,
    RequestNotFound,
    /// The runtime has not declared the kind.
    UnknownKind,
    WorkspaceNotFound,
    EnrolmentNotFound,
    TokenNotFound,
    /// The registration would exceed the limit of runtimes in its workspace.
    WorkspaceFull,
    ArgsTooLarge,
    /// The report cannot be stored. The request has failed with the reason.
    ReportTooLarge,
    RuntimeOffline,
    RateLimited(RateLimited),
    /// The idempotency key belongs to a ring with another kind or other args.
    IdempotencyKeyUsed,
    TooManyOpenRequests,
    /// Rings of one token.
    RingsLimited(RateLimited),
    /// Registrations of one token. 503: only initiate answers 429, and daemons retry a 5xx.
    RegistrationsLimited(RateLimited),
    /// The local gateway sheds load.
    Overloaded,
    UriTooLong,
    /// The `Host` of a request to the local gateway is not one of its names. With their port.
    ForeignHost {
        port: u16,
    },
    RouteNotFound,
    /// With the route's methods, for `Allow`.
    MethodNotAllowed(String),
    /// The store failed during the operation. The error is for the log.
    Store(Operation, StoreError),
    /// A stored result is corrupt.
    CorruptResult(Operation),
    /// The operating system has no random bytes for a secret. The error is for the log.
    NoRandomBytes(Operation, getrandom::Error),
}

/// The operations with an error text of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// With the error text of the kind.
    Enqueue(&'static str),
    Load,
    Heartbeat,
    Complete,
    Fail,
    Progress,
    Register,
    Deregister,
    List,
    Forget,
    Workspaces,
    Redeem,
    Enrol,
    ListTokens,
    IssueToken,
    RevokeToken,
    Page,
}

impl Operation {
    fn failure(self) -> &'static str {
        match self {
            Self::Enqueue(failure) => failure,
            Self::Load => "failed to load request",
            Self::Heartbeat => "heartbeat failed",
            Self::Complete => "failed to persist completion",
            Self::Fail => "failed to persist failure",
            Self::Progress => "failed to persist progress",
            Self::Register => "failed to register runtimes",
            Self::Deregister => "failed to deregister runtimes",
            Self::List => "failed to list runtimes",
            Self::Forget => "failed to remove runtime",
            Self::Workspaces => "failed to list workspaces",
            Self::Redeem => "failed to redeem enrolment",
            Self::Enrol => "failed to create enrolment",
            Self::ListTokens => "failed to list tokens",
            Self::IssueToken => "failed to create token",
            Self::RevokeToken => "failed to revoke token",
            Self::Page => "failed to load the page",
        }
    }

    /// The conversion of a store error, for `map_err`.
    pub fn failed(self) -> impl FnOnce(StoreError) -> ApiError {
        move |error| ApiError::Store(self, error)
    }

    /// The conversion of an error of [`id_gen`](crate::id_gen), for `map_err`.
    pub fn without_random(self) -> impl FnOnce(getrandom::Error) -> ApiError {
        move |error| ApiError::NoRandomBytes(self, error)
    }
}

impl ApiError {
    /// The status and the text. Without a wildcard, so that no variant becomes a 500 by accident.
    pub fn parts(&self) -> (u16, Cow<'static, str>) {
        match self {
            Self::Unauthenticated => (401, text::UNAUTHENTICATED.into()),
            Self::AuthorizationUnchecked => (500, text::AUTHORIZATION_UNCHECKED.into()),
            Self::MissingScope(scope) => (403, format!("the token lacks the scope \"{scope}\"").into()),
            Self::BodyTooLarge => (413, text::BODY_TOO_LARGE.into()),
            Self::InvalidBody => (400, text::INVALID_BODY.into()),
            Self::InvalidRuntimeId => (400, text::INVALID_RUNTIME_ID.into()),
            Self::InvalidWorkspaceId => (400, text::INVALID_WORKSPACE_ID.into()),
            Self::InvalidLimit => (400, text::INVALID_LIMIT.into()),
            Self::InvalidCursor => (400, text::INVALID_CURSOR.into()),
            Self::InvalidWait => (400, text::INVALID_WAIT.into()),
            Self::InvalidIdempotencyKey => (400, text::INVALID_IDEMPOTENCY_KEY.into()),
            Self::KindRequired => (400, text::KIND_REQUIRED.into()),
            Self::InvalidKind => (400, text::INVALID_KIND.into()),
            Self::InvalidQueue => (400, text::INVALID_QUEUE.into()),
            Self::RuntimeIdRequired => (400, text::RUNTIME_ID_REQUIRED.into()),
            Self::RuntimeIdsRequired => (400, text::RUNTIME_IDS_REQUIRED.into()),
            Self::RuntimesRequired => (400, text::RUNTIMES_REQUIRED.into()),
            Self::TooManyHeartbeats => (400, text::TOO_MANY_RUNTIMES_AT_ONCE.into()),
            Self::InvalidQuestion(name) => (400, format!("invalid question: {name}").into()),
            Self::TooManyQuestions(invalid) => (400, invalid.to_string().into()),
            Self::DaemonIdRequired => (400, text::DAEMON_ID_REQUIRED.into()),
            Self::WorkspaceIdRequired => (400, text::WORKSPACE_ID_REQUIRED.into()),
            Self::NothingToRegister => (400, text::NOTHING_TO_REGISTER.into()),
            Self::TooManyRuntimes(limit) => (400, format!("at most {limit} runtimes at once").into()),
            Self::TextTooLong(field) => {
                (400, format!("{field} is longer than {TEXT_CHARS} characters").into())
            }
            Self::InvalidText(field) => (400, format!("invalid {field}").into()),
            Self::InvalidExpiry => (400, text::INVALID_EXPIRY.into()),
            Self::CodeRequired => (400, text::CODE_REQUIRED.into()),
            Self::ScopeRequired => (400, text::SCOPE_REQUIRED.into()),
            Self::InvalidScope => (400, text::INVALID_SCOPE.into()),
            Self::SubjectRequired => (400, text::SUBJECT_REQUIRED.into()),
            Self::RuntimeNotFound => (404, text::RUNTIME_NOT_FOUND.into()),
            Self::OtherWorkspacesRuntime | Self::RouteNotFound => (404, text::NOT_FOUND.into()),
            Self::RequestNotFound => (404, text::REQUEST_NOT_FOUND.into()),
            Self::UnknownKind => (404, text::UNKNOWN_KIND.into()),
            Self::WorkspaceNotFound => (404, text::WORKSPACE_NOT_FOUND.into()),
            Self::EnrolmentNotFound => (404, text::ENROLMENT_NOT_FOUND.into()),
            Self::TokenNotFound => (404, text::TOKEN_NOT_FOUND.into()),
            Self::WorkspaceFull => (409, text::TOO_MANY_RUNTIMES.into()),
            Self::ArgsTooLarge => (413, text::ARGS_TOO_LARGE.into()),
            Self::ReportTooLarge => (413, text::REPORT_TOO_LARGE.into()),
            Self::RuntimeOffline => (503, text::RUNTIME_OFFLINE.into()),
            Self::Overloaded => (503, text::SERVER_BUSY.into()),
            Self::IdempotencyKeyUsed => (409, text::IDEMPOTENCY_KEY_USED.into()),
            Self::TooManyOpenRequests => (429, text::TOO_MANY_OPEN_REQUESTS.into()),
            Self::RateLimited(_) => (429, text::RATE_LIMITED.into()),
            Self::RingsLimited(_) => (429, text::RINGS_LIMITED.into()),
            Self::RegistrationsLimited(_) => (503, text::REGISTRATIONS_LIMITED.into()),
            Self::UriTooLong => (414, text::URI_TOO_LONG.into()),
            Self::ForeignHost { port } => {
                let hosts = format!("localhost:{port}, 127.0.0.1:{port} or [::1]:{port}");
                (403, format!("the Host header must be {hosts}: call this server by one of them").into())
            }
            Self::MethodNotAllowed(_) => (405, text::METHOD_NOT_ALLOWED.into()),
            Self::Store(operation, _)
            | Self::CorruptResult(operation)
            | Self::NoRandomBytes(operation, _) => (500, operation.failure().into()),
        }
    }

    /// The response, with the headers of its status.
    pub fn response(&self) -> Response {
        let (status, error) = self.parts();
        let mut response = json(status, &ErrorBody { error: error.into_owned() });
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }

    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthenticated => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::MethodNotAllowed(allowed) => {
                HeaderValue::from_str(allowed).ok().map(|allowed| (header::ALLOW, allowed))
            }
            Self::RateLimited(RateLimited { retry_after })
            | Self::RingsLimited(RateLimited { retry_after })
            | Self::RegistrationsLimited(RateLimited { retry_after }) => {
                let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                Some((header::RETRY_AFTER, HeaderValue::from(seconds)))
            }
            Self::TooManyOpenRequests => {
                Some((header::RETRY_AFTER, HeaderValue::from(FULL_QUEUE_RETRY.as_secs())))
            }
            Self::Overloaded => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        }
    }
}

/// A function's response.
pub type Response = HttpResponse<Body>;

/// A response with a JSON body. It is serialized directly, because a [`serde_json::Value`] would copy a large catalog.
///
/// # Panics
/// If a map has keys that are not strings. No response has such a map.
#[expect(clippy::expect_used, reason = "types of the wire are always serializable")]
pub fn json(status: u16, body: &impl Serialize) -> Response {
    let body = serde_json::to_string(body).expect("a type of the wire is JSON");
    let response = HttpResponse::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    // A status and a static header are always valid; the default is for the type checker.
    response.body(Body::Text(body)).unwrap_or_default()
}

/// As [`json`] with 200, for a body with a secret, which no cache may keep (RFC 9111, 5.2.2.5).
pub fn secret(body: &impl Serialize) -> Response {
    let mut response = json(200, body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The `Link` of a page that another one follows. A query alone keeps the path of the call, with the stage or the base path of a
/// domain before it, which the function does not know (RFC 3986, 5.3). `query` has ids and numbers only.
pub fn link_to_next(query: &str) -> HeaderValue {
    // Always valid in a header; the default is never used.
    HeaderValue::try_from(format!(r#"<?{query}>; rel="next""#))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}
