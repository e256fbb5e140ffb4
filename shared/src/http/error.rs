//! Every error a caller can get, with its status and its text. The texts are the wire contract's, to the letter.

use std::borrow::Cow;

use lambda_http::http::{HeaderName, HeaderValue, header};

use super::{Response, json};
use crate::access::Scope;
use crate::limits::TEXT_CHARS;
use crate::request::pace::TooFast;
use crate::store::StoreError;
use crate::wire::ErrorBody;

/// Why a call was not answered with 200.
#[derive(Debug)]
pub enum ApiError {
    /// No token, or one nobody issued.
    Unauthenticated,
    /// Whether the token is good could not be checked. Never a 401: a daemon takes that for "log in again".
    AuthorizationUnchecked,
    /// The token may not be used for this.
    MissingScope(Scope),
    /// The body is over the limit.
    BodyTooLarge,
    /// The body is not JSON of the route's shape.
    InvalidBody,
    /// The runtime's id is not one.
    InvalidRuntimeId,
    /// The workspace's id is not one.
    InvalidWorkspaceId,
    /// A heartbeat names no runtime.
    RuntimeIdRequired,
    /// A deregistration names no runtimes.
    RuntimeIdsRequired,
    /// A registration names no daemon.
    DaemonIdRequired,
    /// A registration names no workspace.
    WorkspaceIdRequired,
    /// A registration names nothing to register.
    NothingToRegister,
    /// A registration or deregistration names more runtimes than that.
    TooManyRuntimes(usize),
    /// A field of a registration is longer than it may be.
    TextTooLong(&'static str),
    /// The runtime does not exist for the caller.
    RuntimeNotFound,
    /// A heartbeat's runtime is another workspace's.
    ForeignRuntime,
    /// The request does not exist for the caller.
    RequestNotFound,
    /// The workspace does not exist for the caller.
    WorkspaceNotFound,
    /// The report cannot be stored; the request has failed with a text that says so.
    ReportTooLarge,
    /// The runtime has not been seen lately.
    RuntimeOffline,
    /// The runtime has been rung too often lately.
    TooManyRings(TooFast),
    /// A gateway has as much to do as it takes on at once.
    Overloaded,
    /// The path and the query are longer than a gateway takes.
    UriTooLong,
    /// No such route.
    RouteNotFound,
    /// The route has other methods.
    MethodNotAllowed(String),
    /// The store could not say, in the words of the operation that asked. What it said is for the log.
    Store(Operation, StoreError),
    /// A stored result cannot be shown, in the words of the operation that asked.
    Unreadable(Operation),
}

/// The operations whose failures have words of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Making a request.
    Enqueue,
    /// Reading a request.
    Load,
    /// Noting a sign of life.
    Heartbeat,
    /// Storing a completed report.
    Complete,
    /// Storing a failed report.
    Fail,
    /// Making a runtime known.
    Register,
    /// Signing a runtime off.
    Deregister,
    /// Listing runtimes.
    List,
}

impl Operation {
    fn failure(self) -> &'static str {
        match self {
            Self::Enqueue => "failed to enqueue model list request",
            Self::Load => "failed to load request",
            Self::Heartbeat => "heartbeat failed",
            Self::Complete => "failed to persist completion",
            Self::Fail => "failed to persist failure",
            Self::Register => "failed to register runtimes",
            Self::Deregister => "failed to deregister runtimes",
            Self::List => "failed to list runtimes",
        }
    }

    /// For `map_err`.
    pub fn failed(self) -> impl FnOnce(StoreError) -> ApiError {
        move |error| ApiError::Store(self, error)
    }
}

impl ApiError {
    /// The status and the text. Each variant is named: a forgotten one would be a 500 that nobody meant.
    pub fn parts(&self) -> (u16, Cow<'static, str>) {
        match self {
            Self::Unauthenticated => (401, "a valid bearer token is required".into()),
            Self::AuthorizationUnchecked => (500, "authorization could not be checked".into()),
            Self::MissingScope(scope) => (403, format!("the token lacks the scope \"{scope}\"").into()),
            Self::BodyTooLarge => (413, "request body too large".into()),
            Self::InvalidBody => (400, "invalid request body".into()),
            Self::InvalidRuntimeId => (400, "invalid runtime_id".into()),
            Self::InvalidWorkspaceId => (400, "invalid workspace_id".into()),
            Self::RuntimeIdRequired => (400, "runtime_id is required".into()),
            Self::RuntimeIdsRequired => (400, "runtime_ids is required".into()),
            Self::DaemonIdRequired => (400, "daemon_id is required".into()),
            Self::WorkspaceIdRequired => (400, "workspace_id is required".into()),
            Self::NothingToRegister => (400, "at least one runtime or failed profile is required".into()),
            Self::TooManyRuntimes(most) => (400, format!("at most {most} runtimes at once").into()),
            Self::TextTooLong(field) => {
                (400, format!("{field} is longer than {TEXT_CHARS} characters").into())
            }
            Self::RuntimeNotFound => (404, "runtime not found".into()),
            Self::ForeignRuntime | Self::RouteNotFound => (404, "not found".into()),
            Self::RequestNotFound => (404, "request not found".into()),
            Self::WorkspaceNotFound => (404, "workspace not found".into()),
            Self::ReportTooLarge => (413, "report too large".into()),
            Self::RuntimeOffline => (503, "runtime is offline".into()),
            Self::Overloaded => (503, "server is busy".into()),
            Self::TooManyRings(_) => (429, "too many requests for this runtime".into()),
            Self::UriTooLong => (414, "path and query too long".into()),
            Self::MethodNotAllowed(_) => (405, "method not allowed".into()),
            Self::Store(operation, _) | Self::Unreadable(operation) => (500, operation.failure().into()),
        }
    }

    /// The response, with the headers that its status calls for.
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
            Self::TooManyRings(TooFast { retry_after }) => {
                let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                Some((header::RETRY_AFTER, HeaderValue::from(seconds)))
            }
            Self::Overloaded => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        }
    }
}
