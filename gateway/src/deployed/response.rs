//! A function's payload → HTTP response, as API Gateway reads payload format 2.0 (AWS, "Create AWS Lambda proxy integrations for
//! HTTP APIs": Lambda function response for format 2.0).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorbell_shared::http::Response;
use doorbell_shared::http::response::json;
use lambda_http::Body;
use lambda_http::http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use super::invocation::InvokeError;

/// Headers of the connection between client and gateway, which a function does not decide.
const OF_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FunctionResponse {
    status_code: u16,
    /// `null` in responses of some languages, as each field below.
    headers: Option<BTreeMap<String, Value>>,
    cookies: Option<Vec<String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
}

/// The response in a function's payload.
///
/// # Errors
/// If it is malformed.
pub(super) fn of_function(payload: &[u8]) -> Result<Response, InvokeError> {
    let response: Value = serde_json::from_slice(payload).map_err(|_| InvokeError::MalformedResponse)?;
    // API Gateway takes JSON without a status for the body of a 200.
    if response.get("statusCode").is_none() {
        return Ok(json(200, &response));
    }
    let response = serde_json::from_value(response).map_err(|_| InvokeError::MalformedResponse)?;
    http_response(response).ok_or(InvokeError::MalformedResponse)
}

/// `None` if it cannot be sent.
fn http_response(response: FunctionResponse) -> Option<Response> {
    let status =
        StatusCode::from_u16(response.status_code).ok().filter(|status| !status.is_informational())?;
    let body = response.body.unwrap_or_default();
    let body = if response.is_base64_encoded.unwrap_or_default() {
        Body::Binary(STANDARD.decode(body).ok()?)
    } else {
        Body::Text(body)
    };
    let mut http_response = Response::new(body);
    *http_response.status_mut() = status;
    let headers = http_response.headers_mut();
    for (name, value) in response.headers.unwrap_or_default() {
        let name = HeaderName::try_from(name).ok()?;
        if !OF_CONNECTION.contains(&name) {
            headers.insert(name, HeaderValue::try_from(text(value)?).ok()?);
        }
    }
    for cookie in response.cookies.unwrap_or_default() {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie).ok()?);
    }
    Some(http_response)
}

/// A header's value may be a number or a boolean.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(payload: &str) -> Response {
        of_function(payload.as_bytes()).unwrap()
    }

    #[test]
    fn has_status_headers_cookies_and_body_of_function() {
        let response = response(
            r#"{"statusCode": 429, "headers": {"Retry-After": 3, "a": "b"}, "multiValueHeaders": {"a": ["b"]},
                "cookies": ["c=1", "d=2"], "body": "{}", "isBase64Encoded": false}"#,
        );
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "3");
        assert_eq!(response.headers().get_all("a").iter().collect::<Vec<_>>(), ["b"]);
        assert_eq!(response.headers().get_all("set-cookie").iter().collect::<Vec<_>>(), ["c=1", "d=2"]);
        assert_eq!(response.body().as_ref(), b"{}");
    }

    #[test]
    fn decodes_base64_body() {
        let response = response(r#"{"statusCode": 200, "body": "AP8=", "isBase64Encoded": true}"#);
        assert_eq!(response.body().as_ref(), b"\0\xff");
    }

    #[test]
    fn fields_may_be_null_or_missing() {
        for payload in [
            r#"{"statusCode": 204}"#,
            r#"{"statusCode": 204, "headers": null, "cookies": null, "body": null, "isBase64Encoded": null}"#,
        ] {
            let response = response(payload);
            assert_eq!((response.status().as_u16(), response.body().as_ref()), (204, &b""[..]));
        }
    }

    /// A wrong length would break the connection.
    #[test]
    fn drops_headers_of_connection() {
        let response =
            response(r#"{"statusCode": 200, "headers": {"Content-Length": "7", "Connection": "close"}}"#);
        assert!(response.headers().is_empty());
    }

    #[test]
    fn json_without_status_is_the_body_of_a_200() {
        for payload in [r#"{"a":1}"#, "null", "[1]", "\"text\""] {
            let response = response(payload);
            assert_eq!((response.status().as_u16(), response.body().as_ref()), (200, payload.as_bytes()));
            assert_eq!(response.headers()["content-type"], "application/json");
        }
    }

    #[test]
    fn rejects_malformed_response() {
        for payload in [
            "",
            "garbage",
            r#"{"statusCode": "200"}"#,
            r#"{"statusCode": 99}"#,
            r#"{"statusCode": 101}"#,
            r#"{"statusCode": 1000}"#,
            r#"{"statusCode": 200, "body": {}}"#,
            r#"{"statusCode": 200, "body": "!", "isBase64Encoded": true}"#,
            r#"{"statusCode": 200, "headers": {"a b": "c"}}"#,
            r#"{"statusCode": 200, "headers": {"a": "b\n"}}"#,
            r#"{"statusCode": 200, "headers": {"a": ["b"]}}"#,
        ] {
            assert!(
                matches!(of_function(payload.as_bytes()), Err(InvokeError::MalformedResponse)),
                "{payload}"
            );
        }
    }
}
