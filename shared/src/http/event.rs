//! Converts API Gateway's events to HTTP requests, and responses to API Gateway's format.
//!
//! No event may cause a panic: a release build aborts. `lambda_http`'s own conversion panics in three cases: a query with
//! invalid characters, an invalid host or protocol, and invalid base64. API Gateway sends none of these, but a direct invocation
//! can. No use case reads the URI, so none is built.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt as _};

use super::HttpRequest;
use super::response::Response;

pub fn request(event: ApiGatewayV2httpRequest) -> HttpRequest {
    let mut request = HttpRequest::new(body(event.body.unwrap_or_default(), event.is_base64_encoded));
    request.method_mut().clone_from(&event.request_context.http.method);
    *request.headers_mut() = event.headers;
    request
        .with_path_parameters(event.path_parameters)
        .with_query_string_parameters(query(event.raw_query_string.as_deref()))
        .with_request_context(RequestContext::ApiGatewayV2(event.request_context))
}

/// Parses the raw query, because the event's own map joins the values of one name by commas.
fn query(raw: Option<&str>) -> QueryMap {
    let Ok(query) = raw.unwrap_or_default().parse();
    query
}

/// Invalid base64 becomes an empty body, which use cases reject with 400.
fn body(body: String, is_base64: bool) -> Body {
    if is_base64 { STANDARD.decode(body).map_or(Body::Empty, Body::Binary) } else { Body::Text(body) }
}

/// The response in API Gateway's format. All bodies are text, so none is encoded in base64, and no response sets a cookie.
pub fn response(response: Response) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut event = ApiGatewayV2httpResponse::default();
    event.status_code = parts.status.as_u16().into();
    event.headers = parts.headers;
    event.body = Some(body);
    event
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, from_value, json};

    use super::*;

    fn event(parts: Value) -> HttpRequest {
        let mut event = json!({
            "version": "2.0",
            "rawPath": "/api/runtimes",
            "rawQueryString": "",
            "headers": {"host": "localhost"},
            "requestContext": {"http": {"method": "GET"}, "stage": "$default", "timeEpoch": 0},
        });
        event.as_object_mut().unwrap().extend(from_value::<Map<_, _>>(parts).unwrap());
        request(from_value(event).unwrap())
    }

    #[test]
    fn reads_query_with_invalid_characters() {
        let request = event(json!({"rawQueryString": "a=\" {\u{0}ü}\\&workspace_id=%41b"}));
        assert_eq!(request.query_string_parameters().first("workspace_id"), Some("Ab"));
    }

    #[test]
    fn ignores_invalid_host_protocol_and_path() {
        for host in ["a b", "x:99999", "[::", "", "%%"] {
            let headers = json!({"host": host, "x-forwarded-proto": "\"", "x-kept": "kept"});
            let request = event(json!({"headers": headers, "rawPath": ":99999"}));
            assert_eq!(request.headers()["x-kept"], "kept");
        }
    }

    #[test]
    fn decodes_base64_body() {
        let text = event(json!({"body": "{}"}));
        assert_eq!(text.body().as_ref(), b"{}");
        let binary = event(json!({"body": "e30=", "isBase64Encoded": true}));
        assert_eq!(binary.body().as_ref(), b"{}");
    }

    #[test]
    fn invalid_base64_becomes_empty_body() {
        for body in ["{}", "e30", "e30=\n", "ü"] {
            let request = event(json!({"body": body, "isBase64Encoded": true}));
            assert!(request.body().as_ref().is_empty(), "{body}");
        }
    }
}
