//! The caller, from the authorizer's context in the event and from nowhere else.
//!
//! API Gateway puts what the Lambda authorizer returned under `requestContext.authorizer.lambda`, and a client cannot
//! write there. Without it the caller is nobody, also when a function is invoked directly.
//!
//! A caller whom the authorizer does not know comes here too, as [`Caller::Nobody`]: of a denial API Gateway would make a
//! 403 of its own, and clients and daemons tell 401, "log in again", from 403, "not with this token".

use std::collections::HashMap;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ApiError;
use crate::access::{Principal, Scope};
use crate::id::WorkspaceId;
use crate::token::TokenRecord;

/// What the authorizer found, as it crosses from authorizer to function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "caller", rename_all = "lowercase")]
pub enum Caller {
    /// Somebody whose token is good.
    Known(AuthorizerContext),
    /// No token, or one nobody issued.
    Nobody,
}

/// A caller whose token is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizerContext {
    /// Who it is.
    pub subject: String,
    /// The names of what the token may be used for. Names we do not know allow nothing.
    pub scopes: Vec<String>,
    /// Whose things it may see.
    pub workspaces: Vec<WorkspaceId>,
}

impl From<AuthorizerContext> for Principal {
    fn from(context: AuthorizerContext) -> Self {
        Self {
            subject: context.subject,
            scopes: context.scopes.iter().filter_map(|name| Scope::from_name(name)).collect(),
            workspaces: context.workspaces.into_iter().collect(),
        }
    }
}

impl From<TokenRecord> for AuthorizerContext {
    fn from(record: TokenRecord) -> Self {
        Self {
            subject: record.subject.to_string(),
            scopes: record.scopes.iter().map(Scope::to_string).collect(),
            workspaces: record.workspaces.iter().collect(),
        }
    }
}

/// The caller of `request`, who must have `scope`.
pub fn caller(request: &Request, scope: Scope) -> Result<Principal, ApiError> {
    let principal = principal(request).ok_or(ApiError::Unauthenticated)?;
    if principal.scopes.contains(&scope) { Ok(principal) } else { Err(ApiError::MissingScope(scope)) }
}

fn principal(request: &Request) -> Option<Principal> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    match read(&context.authorizer.as_ref()?.fields) {
        Some(Caller::Known(context)) => Some(context.into()),
        Some(Caller::Nobody) => None,
        None => {
            tracing::error!("the authorizer's context is missing or has another shape");
            None
        }
    }
}

fn read(fields: &HashMap<String, Value>) -> Option<Caller> {
    let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
    Caller::deserialize(MapDeserializer::<_, serde_json::Error>::new(fields)).ok()
}
