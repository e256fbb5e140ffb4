//! Event and response of a Lambda authorizer of an HTTP API: payload format 2.0, simple response.
//!
//! Only the headers of the event identify the caller. The client controls most other fields; API Gateway's id of the call is for
//! the log.

use std::collections::BTreeMap;
use std::fmt;

use doorbell_shared::http::input::Caller;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// API Gateway sends header names in lower case. The SAM CLI's local API keeps the client's case.
const AUTHORIZATION: &str = "authorization";

#[derive(Clone, Default, Deserialize)]
pub struct AuthorizerEvent {
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Untyped: a call whose context has another shape is authorized as well.
    #[serde(default, rename = "requestContext")]
    request_context: Value,
}

impl fmt::Debug for AuthorizerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerEvent").finish_non_exhaustive()
    }
}

impl AuthorizerEvent {
    pub fn new(headers: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { headers: headers.into_iter().collect(), request_context: Value::Null }
    }

    /// The bearer token, unchecked.
    pub fn bearer(&self) -> Option<&str> {
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION))?.1;
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }

    /// API Gateway's id of the call: the function's event and the access log have the same.
    pub(super) fn gateway_request_id(&self) -> Option<&str> {
        self.request_context.get("requestId")?.as_str()
    }
}

/// Every call is authorized, and the function rejects anonymous callers with 401. See [`Caller`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerResponse {
    is_authorized: bool,
    pub context: Caller,
}

impl From<Caller> for AuthorizerResponse {
    fn from(context: Caller) -> Self {
        Self { is_authorized: true, context }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, value: &str) -> AuthorizerEvent {
        serde_json::from_value(json!({"headers": {name: value}})).unwrap()
    }

    fn bearer(header: &str) -> Option<String> {
        event("authorization", header).bearer().map(str::to_owned)
    }

    #[test]
    fn accepts_bearer_scheme_in_any_case() {
        for header in ["Bearer x", "bearer x", "BEARER  x "] {
            assert_eq!(bearer(header).as_deref(), Some("x"), "{header}");
        }
        for header in ["", "x", "Bearer", "Basic x", "Bearerx"] {
            assert_eq!(bearer(header), None, "{header}");
        }
    }

    #[test]
    fn accepts_header_name_in_any_case() {
        assert_eq!(event("Authorization", "Bearer x").bearer(), Some("x"));
    }

    /// API Gateway turns `false` into its own 403, and the contract needs 401.
    #[test]
    fn authorizes_anonymous_callers() {
        let response = serde_json::to_value(AuthorizerResponse::from(Caller::Anonymous)).unwrap();
        assert_eq!(response, json!({"isAuthorized": true, "context": {"caller": "anonymous"}}));
    }

    #[test]
    fn debug_output_hides_token() {
        let event = event("authorization", "Bearer dbu_secret");
        assert!(!format!("{event:?}").contains("secret"));
    }
}
