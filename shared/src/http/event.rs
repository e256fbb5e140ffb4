//! API Gateway's event → the request that a use case reads, and the response → the integration's answer.
//!
//! No event can end the process. `lambda_http` makes these conversions too, with three panics in them, and a panic is an abort
//! in a release build: a query with letters that no URI has, a host or protocol that does not make a URL, and a body that
//! says it is base64 and is not. API Gateway sends none of these; whoever may invoke a function directly can. No use case
//! reads the URI, so none is built: path parameters and the query are taken from the event itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt};

use super::Response;

/// What the event asks.
pub fn request(event: ApiGatewayV2httpRequest) -> Request {
    let mut request = Request::new(body(event.body.unwrap_or_default(), event.is_base64_encoded));
    request.method_mut().clone_from(&event.request_context.http.method);
    *request.headers_mut() = event.headers;
    request
        .with_path_parameters(event.path_parameters)
        .with_query_string_parameters(query(event.raw_query_string.as_deref()))
        .with_request_context(RequestContext::ApiGatewayV2(event.request_context))
}

/// From the raw query: in the event's own map, values of one name are joined by commas and cannot be taken apart again.
fn query(raw: Option<&str>) -> QueryMap {
    let Ok(query) = raw.unwrap_or_default().parse();
    query
}

/// What is not the base64 that it claims to be says nothing, and is no body: where one is read, that is answered with
/// 400 `invalid request body`.
fn body(body: String, is_base64: bool) -> Body {
    match is_base64 {
        false => Body::Text(body),
        true => STANDARD.decode(body).map_or(Body::Empty, Body::Binary),
    }
}

/// The response, as API Gateway takes it. Every body of ours is JSON text, and no answer sets a cookie.
pub fn answer(response: Response) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = parts.status.as_u16().into();
    answer.headers = parts.headers;
    answer.body = Some(body);
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, from_value, json};

    use super::*;

    fn event(parts: Value) -> Request {
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
    fn a_query_with_letters_that_no_uri_has_is_read_all_the_same() {
        let request = event(json!({"rawQueryString": "a=\" {\u{0}ü}\\&workspace_id=%41b"}));
        assert_eq!(request.query_string_parameters().first("workspace_id"), Some("Ab"));
    }

    #[test]
    fn a_host_a_protocol_and_a_path_need_not_make_a_url() {
        for host in ["a b", "x:99999", "[::", "", "%%"] {
            let headers = json!({"host": host, "x-forwarded-proto": "\"", "x-kept": "kept"});
            let request = event(json!({"headers": headers, "rawPath": ":99999"}));
            assert_eq!(request.headers()["x-kept"], "kept");
        }
    }

    #[test]
    fn a_body_comes_as_it_is_or_out_of_base64() {
        let text = event(json!({"body": "{}"}));
        assert_eq!(text.body().as_ref(), b"{}");
        let binary = event(json!({"body": "e30=", "isBase64Encoded": true}));
        assert_eq!(binary.body().as_ref(), b"{}");
    }

    #[test]
    fn a_body_that_is_not_the_base64_it_claims_to_be_is_empty() {
        for body in ["{}", "e30", "e30=\n", "ü"] {
            let request = event(json!({"body": body, "isBase64Encoded": true}));
            assert!(request.body().as_ref().is_empty(), "{body}");
        }
    }
}
