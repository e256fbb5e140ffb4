//! One call of Lambda's `Invoke`, bounded in size and time.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use reqwest::Response;
use serde::{Deserialize, Serialize};

use super::DeployedFunctions;
use super::signer::SignerError;
use crate::dispatch::IntegrationError;

/// Lambda's limit of events and responses (AWS, "Lambda quotas": 6 MB each for a synchronous invocation).
const PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

/// API Gateway's time limit of an integration (AWS, "Quotas for HTTP APIs": 30 s).
const TIMEOUT: Duration = Duration::from_secs(30);

/// Lambda sets it if the function failed, with the status 200.
const FUNCTION_ERROR: &str = "x-amz-function-error";

/// The characters of a function's own error in the log.
const ERROR_CHARS: usize = 200;

/// Why a function did not respond. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvokeError {
    /// It cannot happen with an event of the gateway.
    #[error("the event is not JSON")]
    EventNotSerialized,
    #[error("the event is larger than Lambda's limit of 6 MB")]
    EventTooLarge,
    #[error("the call was not signed: {0}")]
    NotSigned(#[from] SignerError),
    #[error("the functions' server did not respond: {0}")]
    Unreachable(#[source] reqwest::Error),
    #[error("no response within API Gateway's limit of 30 s")]
    TimedOut,
    #[error("no function of this name: check the URL of --functions")]
    NotFound,
    #[error("throttled")]
    Throttled,
    #[error("status {0}")]
    Status(StatusCode),
    #[error("the function failed: {0}")]
    Failed(String),
    #[error("the response is larger than Lambda's limit of 6 MB")]
    ResponseTooLarge,
    #[error("the response is malformed")]
    MalformedResponse,
}

impl InvokeError {
    /// What API Gateway responds. A server that is down is like a Lambda that is unavailable.
    pub(super) fn integration_error(&self) -> IntegrationError {
        match self {
            Self::EventTooLarge => IntegrationError::RequestTooLarge,
            Self::Throttled | Self::TimedOut | Self::Unreachable(_) => IntegrationError::Unavailable,
            Self::Status(status) if matches!(status.as_u16(), 502..=504) => IntegrationError::Unavailable,
            _ => IntegrationError::Failed,
        }
    }
}

/// The payload of a function that failed. Lambda's own errors have neither field.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FunctionError {
    error_type: String,
    error_message: String,
}

impl FunctionError {
    fn text(payload: &[u8]) -> String {
        let Self { error_type, error_message } = serde_json::from_slice(payload).unwrap_or_default();
        if error_type.is_empty() && error_message.is_empty() {
            return "no reason given".to_owned();
        }
        let text = format!("{error_type}: {error_message}");
        text.chars().filter(|character| !character.is_control()).take(ERROR_CHARS).collect()
    }
}

impl DeployedFunctions {
    /// The payload with which the function `name` responds to `event`.
    pub(super) async fn invoke(&self, name: &str, event: &impl Serialize) -> Result<Vec<u8>, InvokeError> {
        let event = serde_json::to_vec(event).map_err(|_| InvokeError::EventNotSerialized)?;
        if event.len() > PAYLOAD_BYTES {
            return Err(InvokeError::EventTooLarge);
        }
        let url = self.url.of(name);
        tokio::time::timeout(TIMEOUT, self.post(&url, event)).await.unwrap_or(Err(InvokeError::TimedOut))
    }

    async fn post(&self, url: &str, event: Vec<u8>) -> Result<Vec<u8>, InvokeError> {
        let request =
            self.http.post(url).header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = match &self.signer {
            Some(signer) => request.headers(signer.sign(url, &event).await?),
            None => request,
        };
        let response = request.body(event).send().await;
        let response = response.map_err(|error| InvokeError::Unreachable(error.without_url()))?;
        let status = response.status();
        match status.as_u16() {
            // `cargo lambda watch` responds with 500 if a function fails, without the header.
            200 | 500 => {}
            404 => return Err(InvokeError::NotFound),
            413 => return Err(InvokeError::EventTooLarge),
            429 => return Err(InvokeError::Throttled),
            _ => return Err(InvokeError::Status(status)),
        }
        let has_failed = status != StatusCode::OK || response.headers().contains_key(FUNCTION_ERROR);
        let payload = read(response).await?;
        if has_failed { Err(InvokeError::Failed(FunctionError::text(&payload))) } else { Ok(payload) }
    }
}

/// The payload of a response, up to the limit.
async fn read(mut response: Response) -> Result<Vec<u8>, InvokeError> {
    let mut payload = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| InvokeError::Unreachable(error.without_url()))?;
        let Some(chunk) = chunk else { return Ok(payload) };
        if payload.len() + chunk.len() > PAYLOAD_BYTES {
            return Err(InvokeError::ResponseTooLarge);
        }
        payload.extend_from_slice(&chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_crash_has_type_and_message() {
        let payload = br#"{"errorType": "Runtime.ExitError", "errorMessage": "exited with 1"}"#;
        assert_eq!(FunctionError::text(payload), "Runtime.ExitError: exited with 1");
    }

    #[test]
    fn text_of_error_without_reason_says_so() {
        assert_eq!(FunctionError::text(br#"{"Message": "internal"}"#), "no reason given");
    }
}
