//! The caller, read only from the authorizer's context in the event.
//!
//! API Gateway puts the context under `requestContext.authorizer.lambda`, where clients cannot write. Without it the caller is
//! anonymous, even if a function is invoked directly.

use std::collections::HashMap;

use doorbell_protocol::{Scope, WorkspaceId};
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::HttpRequest;
use super::error::ApiError;
use crate::access::Principal;
use crate::token::TokenRecord;

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
    pub subject: String,
    /// Unknown scopes of a newer authorizer are skipped.
    #[serde(deserialize_with = "known_scopes")]
    pub scopes: Vec<Scope>,
    pub workspaces: Vec<WorkspaceId>,
}

fn known_scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Scope>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

impl From<AuthorizerContext> for Principal {
    fn from(context: AuthorizerContext) -> Self {
        Self {
            subject: context.subject,
            scopes: context.scopes.into_iter().collect(),
            workspaces: context.workspaces.into_iter().collect(),
        }
    }
}

impl From<TokenRecord> for AuthorizerContext {
    fn from(record: TokenRecord) -> Self {
        Self {
            subject: record.subject.to_string(),
            scopes: record.scopes.into_iter().collect(),
            workspaces: record.workspaces.iter().collect(),
        }
    }
}

/// The caller of `request`, if it has `scope`.
pub fn caller(request: &HttpRequest, scope: Scope) -> Result<Principal, ApiError> {
    let principal = principal(request).ok_or(ApiError::Unauthenticated)?;
    if principal.scopes.contains(&scope) { Ok(principal) } else { Err(ApiError::MissingScope(scope)) }
}

fn principal(request: &HttpRequest) -> Option<Principal> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    match decode(&context.authorizer.as_ref()?.fields) {
        Some(Caller::Known(context)) => Some(context.into()),
        Some(Caller::Anonymous) => None,
        None => {
            tracing::error!("the authorizer's context is missing or has an unexpected shape");
            None
        }
    }
}

fn decode(fields: &HashMap<String, Value>) -> Option<Caller> {
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
    Caller::deserialize(MapDeserializer::<_, serde_json::Error>::new(fields)).ok()
}
