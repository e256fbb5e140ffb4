//! The response of a custom authorizer (AWS, "Defining your Lambda function").

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::policy::{Policy, is_allowed};

const LIFETIME_SECONDS: RangeInclusive<u64> = 300..=86_400;
const MAX_PRINCIPAL_CHARS: usize = 128;
const MAX_POLICIES: usize = 10;
const MAX_POLICY_CHARS: usize = 2048;

/// What a connection may do.
#[derive(Debug)]
pub(super) struct Authorization {
    pub(super) principal: String,
    pub(super) lifetime: Duration,
    policies: Vec<Policy>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum AuthorizationError {
    #[error("not authenticated")]
    NotAuthenticated,
    #[error("invalid response: {0}")]
    Invalid(&'static str),
    #[error("invalid response: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    is_authenticated: bool,
    principal_id: String,
    disconnect_after_in_seconds: u64,
    /// Not kept: Doorbell's connections end before.
    refresh_after_in_seconds: u64,
    policy_documents: Vec<String>,
}

impl Authorization {
    pub(super) fn from_response(response: Value) -> Result<Self, AuthorizationError> {
        let response: Response = serde_json::from_value(response)?;
        if !response.is_authenticated {
            return Err(AuthorizationError::NotAuthenticated);
        }
        let principal = response.principal_id;
        let is_alphanumeric = principal.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_alphanumeric || principal.is_empty() || principal.len() > MAX_PRINCIPAL_CHARS {
            return Err(AuthorizationError::Invalid("principalId"));
        }
        if !LIFETIME_SECONDS.contains(&response.disconnect_after_in_seconds) {
            return Err(AuthorizationError::Invalid("disconnectAfterInSeconds"));
        }
        if !LIFETIME_SECONDS.contains(&response.refresh_after_in_seconds) {
            return Err(AuthorizationError::Invalid("refreshAfterInSeconds"));
        }
        let documents = response.policy_documents;
        let is_short = documents.iter().all(|document| document.chars().count() <= MAX_POLICY_CHARS);
        if !is_short || documents.len() > MAX_POLICIES {
            return Err(AuthorizationError::Invalid("policyDocuments"));
        }
        let policies =
            documents.iter().map(|document| serde_json::from_str(document)).collect::<Result<_, _>>()?;
        let lifetime = Duration::from_secs(response.disconnect_after_in_seconds);
        Ok(Self { principal, lifetime, policies })
    }

    pub(super) fn may_connect(&self, client_id: &str) -> bool {
        is_allowed(&self.policies, "iot:Connect", &format!("client/{client_id}"))
    }

    pub(super) fn may_receive(&self, topic: &str) -> bool {
        is_allowed(&self.policies, "iot:Receive", &format!("topic/{topic}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response() -> Value {
        json!({
            "isAuthenticated": true,
            "principalId": "p1",
            "disconnectAfterInSeconds": 300,
            "refreshAfterInSeconds": 86_400,
            "policyDocuments": [],
        })
    }

    fn with(field: &str, value: Value) -> Result<Authorization, AuthorizationError> {
        let mut response = response();
        response[field] = value;
        Authorization::from_response(response)
    }

    #[test]
    fn valid_response_is_accepted() {
        let authorization = Authorization::from_response(response()).unwrap();
        assert_eq!((authorization.principal.as_str(), authorization.lifetime.as_secs()), ("p1", 300));
    }

    #[test]
    fn unauthenticated_response_is_refused() {
        assert!(matches!(with("isAuthenticated", json!(false)), Err(AuthorizationError::NotAuthenticated)));
    }

    #[test]
    fn values_that_iot_core_refuses_are_invalid() {
        for (field, value) in [
            ("principalId", json!("")),
            ("principalId", json!("a-b")),
            ("principalId", json!("a".repeat(129))),
            ("disconnectAfterInSeconds", json!(299)),
            ("disconnectAfterInSeconds", json!(86_401)),
            ("refreshAfterInSeconds", json!(299)),
            ("refreshAfterInSeconds", json!(86_401)),
            ("policyDocuments", json!(["{}"])),
            ("policyDocuments", json!([format!("{{\"Statement\":[]}}{}", " ".repeat(2048))])),
            ("policyDocuments", json!(vec!["{\"Statement\":[]}"; 11])),
        ] {
            assert!(with(field, value.clone()).is_err(), "{field} {value}");
        }
    }
}
