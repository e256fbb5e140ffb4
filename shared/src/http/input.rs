//! The parts of a request, each checked once: caller, path and body.
//!
//! The caller is read only from the authorizer's context. API Gateway puts it under `requestContext.authorizer.lambda`, where
//! clients cannot write. Without it the caller is anonymous, even if a function is invoked directly.

use std::collections::HashMap;

use std::time::Duration;

use doorbell_protocol::limits::{BODY_BYTES, WAIT_MAX_S};
use doorbell_protocol::{IdempotencyKey, Object, RequestId, RuntimeId, Scope, WorkspaceId};
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::HttpRequest;
use super::access_log::{record_caller, record_id};
use super::response::ApiError;
use super::routes::{self, Function};
use crate::access::{Principal, TooManyWorkspaces, Workspaces, loggable};
use crate::kinds::RouteKind;
use crate::request::Address;
use crate::runtime::{InvalidShortText, ShortText};
use crate::token::TokenRecord;
use crate::token_id::TokenId;

/// The path parameter that [`RouteKind`] reads.
pub(super) const KIND_PARAMETER: &str = "kind";

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The authorizer's context.
///
/// The authorizer never denies: API Gateway turns a denial into its own 403, and the contract needs 401, so unauthenticated
/// callers are forwarded as anonymous.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "caller", rename_all = "lowercase")]
pub enum Caller {
    Known(AuthorizerContext),
    Anonymous,
}

/// A caller with a valid token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizerContext {
    /// [Loggable](loggable), because API Gateway writes it into its access log.
    pub subject: String,
    /// Absent in responses of an older authorizer that API Gateway has cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<TokenId>,
    /// Unknown scopes of a newer authorizer are skipped.
    #[serde(deserialize_with = "known_scopes")]
    pub scopes: Vec<Scope>,
    pub workspaces: Vec<WorkspaceId>,
    /// The only daemon that the token may act for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daemon_id: Option<String>,
}

fn known_scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Scope>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

impl TryFrom<AuthorizerContext> for Principal {
    type Error = TooManyWorkspaces;
    fn try_from(context: AuthorizerContext) -> Result<Self, TooManyWorkspaces> {
        Ok(Self {
            token_id: context.token_id.unwrap_or_else(|| TokenId::of_subject(&context.subject)),
            // Cleaned again: a function may be invoked with an event that no authorizer has made.
            subject: loggable(&context.subject),
            scopes: context.scopes.into_iter().collect(),
            workspaces: Workspaces::new(context.workspaces)?,
            daemon_id: context.daemon_id.as_deref().map(ShortText::from_stored),
        })
    }
}

impl From<TokenRecord> for AuthorizerContext {
    fn from(record: TokenRecord) -> Self {
        Self {
            subject: loggable(record.subject.as_str()),
            token_id: Some(record.hash.id()),
            scopes: record.scopes.into_iter().collect(),
            workspaces: record.workspaces.iter().collect(),
            daemon_id: record.daemon_id.map(|daemon_id| daemon_id.to_string()),
        }
    }
}

/// The caller of `request`, if it has `scope`. From here on, every line of the log names the caller.
pub fn caller(request: &HttpRequest, scope: Scope) -> Result<Principal, ApiError> {
    let principal = principal(request).ok_or(ApiError::Unauthenticated)?;
    record_caller(&principal);
    if principal.scopes.contains(&scope) { Ok(principal) } else { Err(ApiError::MissingScope(scope)) }
}

fn principal(request: &HttpRequest) -> Option<Principal> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    let principal = match decode(&context.authorizer.as_ref()?.fields) {
        Some(Caller::Known(context)) => Principal::try_from(context).ok(),
        Some(Caller::Anonymous) => return None,
        None => None,
    };
    if principal.is_none() {
        tracing::error!("the authorizer's context is missing or has an unexpected shape");
    }
    principal
}

fn decode(fields: &HashMap<String, Value>) -> Option<Caller> {
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
    Caller::deserialize(MapDeserializer::<_, serde_json::Error>::new(fields)).ok()
}

/// Rejects a body over [`BODY_BYTES`], on every route.
pub fn limit_body(request: &HttpRequest) -> Result<(), ApiError> {
    if request.body().as_ref().len() <= BODY_BYTES { Ok(()) } else { Err(ApiError::BodyTooLarge) }
}

/// The JSON body, which must be an object.
pub fn body<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    let Object(body) = serde_json::from_slice(request.body().as_ref()).map_err(|_| ApiError::InvalidBody)?;
    Ok(body)
}

/// Whether the ring asks for a new result, whatever the catalog has. As in the reference server, any value but `true` does not.
pub fn is_refresh(request: &HttpRequest) -> bool {
    query(request, "refresh") == Some("true")
}

/// The runtime in the path.
pub fn runtime(request: &HttpRequest) -> Result<RuntimeId, ApiError> {
    parameter(request, "runtimeId").parse().map_err(|_| ApiError::InvalidRuntimeId)
}

/// The use case of the request's route, for a function that serves several.
pub fn function(request: &HttpRequest) -> Option<Function> {
    Some(routes::find(request.method().as_str(), path(request)?)?.function)
}

/// The path, which a stage or a base path may have prefixed.
pub fn path(request: &HttpRequest) -> Option<&str> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    context.http.path.as_deref()
}

/// The token in the path. A malformed id is answered 404.
pub fn token_id(request: &HttpRequest) -> Result<TokenId, ApiError> {
    parameter(request, "tokenId").parse().map_err(|_| ApiError::TokenNotFound)
}

/// Parses the workspace in a query or a body, which must be one of the caller's.
pub fn workspace(text: &str, caller: &Principal) -> Result<WorkspaceId, ApiError> {
    let workspace = text.parse().map_err(|_| ApiError::InvalidWorkspaceId)?;
    if caller.workspaces.contains(workspace) { Ok(workspace) } else { Err(ApiError::WorkspaceNotFound) }
}

/// A parameter of the query.
pub fn query<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.query_string_parameters_ref()?.first(name)
}

/// How many entries a page has: `limit` in the query, 1 to `most`, which is the default.
pub fn page_limit(request: &HttpRequest, most: usize) -> Result<usize, ApiError> {
    let Some(text) = query(request, "limit") else { return Ok(most) };
    // Digits only: `parse` would accept a sign.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = text.parse().ok().filter(|limit| is_number && (1..=most).contains(limit));
    limit.ok_or(ApiError::InvalidLimit)
}

/// Parses one of several runtime ids in a body.
pub fn parse_runtime(text: &str) -> Result<RuntimeId, ApiError> {
    text.parse().map_err(|_| ApiError::InvalidRuntimeId)
}

/// Parses the runtime id in a body.
pub fn body_runtime(text: &str) -> Result<RuntimeId, ApiError> {
    let id = parse_runtime(text)?;
    record_id("runtime_id", id);
    Ok(id)
}

/// The address in the path. A malformed request id is answered 404.
pub fn address(request: &HttpRequest) -> Result<Address, ApiError> {
    let runtime = runtime(request)?;
    Ok(Address { runtime, request: request_id(request)? })
}

/// The kinds that the path serves. An unknown segment is no route.
pub fn route_kind(request: &HttpRequest) -> Result<RouteKind, ApiError> {
    RouteKind::of_segment(parameter(request, KIND_PARAMETER)).ok_or(ApiError::RouteNotFound)
}

/// How long the response may be held, from `wait` in the query.
pub fn wait(request: &HttpRequest) -> Result<Duration, ApiError> {
    let Some(text) = query(request, "wait") else { return Ok(Duration::ZERO) };
    // Digits only: `parse` would accept a sign.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds: &u32| is_number && *seconds <= WAIT_MAX_S);
    seconds.map(|seconds| Duration::from_secs(seconds.into())).ok_or(ApiError::InvalidWait)
}

/// The client's name for a ring.
pub fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(key) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = key.to_str().ok().and_then(|key| key.parse().ok());
    key.map(Some).ok_or(ApiError::InvalidIdempotencyKey)
}

fn request_id(request: &HttpRequest) -> Result<RequestId, ApiError> {
    parameter(request, "requestId").parse().map_err(|_| ApiError::RequestNotFound)
}

/// API Gateway's id of the call.
pub(super) fn gateway_request_id(request: &HttpRequest) -> Option<&str> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.request_id.as_deref(),
        _ => None,
    }
}

/// Adds the ids in the path to the call's span, so that the line of a rejected call has them too.
pub(super) fn record_path_ids(request: &HttpRequest) {
    if let Ok(id) = runtime(request) {
        record_id("runtime_id", id);
    }
    if let Ok(id) = request_id(request) {
        record_id("request_id", id);
    }
}

fn parameter<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.path_parameters_ref().and_then(|all| all.first(name)).unwrap_or_default()
}

/// A field that must not be missing or empty.
pub fn required(field: Option<String>, missing: ApiError) -> Result<String, ApiError> {
    field.filter(|text| !text.is_empty()).ok_or(missing)
}

/// A field without outer white space; `None` if nothing is left.
pub fn trimmed(field: Option<String>) -> Option<String> {
    let field = field?;
    let text = field.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The text of the named field.
pub fn short_text(field: &'static str, value: String) -> Result<ShortText, ApiError> {
    ShortText::try_from(value).map_err(|error| match error {
        InvalidShortText::TooLong => ApiError::TextTooLong(field),
        InvalidShortText::ControlCharacter => ApiError::InvalidText(field),
    })
}
