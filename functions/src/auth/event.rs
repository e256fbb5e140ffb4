//! What API Gateway asks and is answered: a Lambda authorizer of an HTTP API, payload 2.0, with a simple response.
//!
//! Of the event only the header is read. A client's words reach us in many of its fields, and none of the others says
//! who the client is.

use std::collections::BTreeMap;
use std::fmt;

use doorbell_shared::http::caller::Caller;
use serde::{Deserialize, Serialize};

/// API Gateway hands header names on in lower case. The SAM CLI's local API leaves them as they were sent.
const AUTHORIZATION: &str = "authorization";

/// The question.
#[derive(Clone, Default, Deserialize)]
pub struct AuthorizerEvent {
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl fmt::Debug for AuthorizerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerEvent").finish_non_exhaustive()
    }
}

impl AuthorizerEvent {
    /// What is presented as a bearer token, if anything is.
    pub fn bearer(&self) -> Option<&str> {
        let header = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION))?.1;
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    }
}

/// The answer: every call goes on to its function, which answers 401 to nobody. See [`Caller`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerAnswer {
    is_authorized: bool,
    /// Who is calling.
    pub context: Caller,
}

impl From<Caller> for AuthorizerAnswer {
    fn from(context: Caller) -> Self {
        Self { is_authorized: true, context }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bearer(header: &str) -> Option<String> {
        let event: AuthorizerEvent =
            serde_json::from_value(json!({"headers": {"authorization": header}})).unwrap();
        event.bearer().map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        for header in ["Bearer x", "bearer x", "BEARER  x "] {
            assert_eq!(bearer(header).as_deref(), Some("x"), "{header}");
        }
        for header in ["", "x", "Bearer", "Basic x", "Bearerx"] {
            assert_eq!(bearer(header), None, "{header}");
        }
    }

    #[test]
    fn the_header_may_be_spelled_in_any_case() {
        let event: AuthorizerEvent =
            serde_json::from_value(json!({"headers": {"Authorization": "Bearer x"}})).unwrap();
        assert_eq!(event.bearer(), Some("x"));
    }

    /// API Gateway makes a 403 of `false`, which tells a daemon something else than the contract's 401.
    #[test]
    fn nobody_is_let_through_as_nobody() {
        let answer = serde_json::to_value(AuthorizerAnswer::from(Caller::Anonymous)).unwrap();
        assert_eq!(answer, json!({"isAuthorized": true, "context": {"caller": "nobody"}}));
    }

    #[test]
    fn the_event_does_not_show_the_token() {
        let event: AuthorizerEvent =
            serde_json::from_value(json!({"headers": {"authorization": "Bearer dbu_secret"}})).unwrap();
        assert!(!format!("{event:?}").contains("secret"));
    }
}
