//! HTTP request → event of API Gateway's HTTP API, payload format 2.0 (AWS, "Create AWS Lambda proxy integrations for HTTP
//! APIs").

use std::net::{IpAddr, SocketAddr};

use axum::body::Bytes;
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use doorbell_protocol::Timestamp;
use doorbell_shared::http::input::Caller;
use doorbell_shared::http::routes::Route;
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayV2httpRequest, ApiGatewayV2httpRequestContext,
    ApiGatewayV2httpRequestContextHttpDescription,
};
use serde_json::Value;

/// API Gateway sets host and protocol itself and ignores the client's headers.
const HOST: &str = "localhost";
const PROTOCOL: &str = "http";
const FORWARDED_PROTOCOL: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A routed request.
#[derive(Debug)]
pub struct GatewayRequest {
    pub route: Route,
    /// Method, URI and headers.
    pub parts: Parts,
    pub body: Bytes,
    /// The authorizer's context. `None` on a route without authorizer.
    pub caller: Option<Caller>,
    pub now: Timestamp,
    pub gateway_request_id: String,
}

impl GatewayRequest {
    /// The event that API Gateway sends to the route's function.
    pub fn into_event(self) -> ApiGatewayV2httpRequest {
        let path = self.parts.uri.path();
        let route_key = format!("{} {}", self.route.method, self.route.path);
        // Raw: API Gateway does not decode path parameters, and axum does.
        let parameters = self.route.parameters(path).unwrap_or_default();

        let mut event = ApiGatewayV2httpRequest::default();
        event.version = Some("2.0".to_owned());
        event.raw_path = Some(path.to_owned());
        event.raw_query_string = Some(self.parts.uri.query().unwrap_or_default().to_owned());
        event.path_parameters =
            parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        event.request_context = self.context(&route_key);
        event.route_key = Some(route_key);
        (event.body, event.is_base64_encoded) = body(self.body, &self.parts.headers);
        event.headers = headers(self.parts.headers);
        event
    }

    fn context(&self, route_key: &str) -> ApiGatewayV2httpRequestContext {
        let mut http = ApiGatewayV2httpRequestContextHttpDescription::default();
        http.method.clone_from(&self.parts.method);
        http.path = Some(self.parts.uri.path().to_owned());
        http.protocol = Some("HTTP/1.1".to_owned());
        http.source_ip = Some(source_ip(&self.parts));
        http.user_agent = Some(text(&self.parts.headers, &header::USER_AGENT).to_owned());

        let mut context = ApiGatewayV2httpRequestContext::default();
        context.account_id = Some("000000000000".to_owned());
        context.apiid = Some("local".to_owned());
        context.authorizer = self.caller.as_ref().map(authorizer);
        context.domain_name = Some(HOST.to_owned());
        context.domain_prefix = Some("local".to_owned());
        context.http = http;
        context.request_id = Some(self.gateway_request_id.clone());
        context.route_key = Some(route_key.to_owned());
        context.stage = Some("$default".to_owned());
        context.time = Some(time(self.now));
        context.time_epoch = self.now.millis();
        context
    }
}

/// The authorizer's context in an event.
pub(super) fn authorizer(caller: &Caller) -> ApiGatewayRequestAuthorizer {
    let mut authorizer = ApiGatewayRequestAuthorizer::default();
    if let Ok(Value::Object(fields)) = serde_json::to_value(caller) {
        authorizer.fields = fields.into_iter().collect();
    }
    authorizer
}

fn source_ip(parts: &Parts) -> String {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0.ip()).to_string()
}

/// API Gateway passes text on as it is and encodes everything else in base64. An empty body is absent.
fn body(body: Bytes, headers: &HeaderMap) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    if !is_text(headers) {
        return (Some(STANDARD.encode(body)), true);
    }
    match String::from_utf8(body.into()) {
        Ok(body) => (Some(body), false),
        Err(error) => (Some(STANDARD.encode(error.as_bytes())), true),
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let content_type = text(headers, &header::CONTENT_TYPE);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&media_type)
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The values of one header joined by commas, without values that are not text.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut joined = values.next()?.to_owned();
    for value in values {
        if !joined.is_empty() {
            joined.push(',');
        }
        joined.push_str(value);
    }
    Some(joined)
}

/// One value for each name. The token stays, as it does in the cloud.
fn headers(sent: HeaderMap) -> HeaderMap {
    let has_repeated_names = sent.len() != sent.keys_len();
    let mut headers = if has_repeated_names || sent.values().any(|value| value.to_str().is_err()) {
        let value = |name| HeaderValue::try_from(joined(&sent, name)?).ok();
        sent.keys().filter_map(|name| Some((name.clone(), value(name)?))).collect()
    } else {
        sent
    };
    headers.insert(header::HOST, HeaderValue::from_static(HOST));
    headers.insert(FORWARDED_PROTOCOL, HeaderValue::from_static(PROTOCOL));
    headers
}

/// Common Log Format, as in API Gateway's events: `22/Nov/2026:03:41:07 +0000`.
fn time(now: Timestamp) -> String {
    let time = DateTime::from_timestamp_millis(now.millis()).unwrap_or_default();
    time.format("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use doorbell_shared::http::routes::ROUTES;
    use serde_json::json;

    use super::*;

    fn event(request: axum::http::request::Builder, body: &'static [u8]) -> ApiGatewayV2httpRequest {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let request = GatewayRequest {
            route: ROUTES[1],
            parts,
            body: Bytes::from_static(body),
            caller: Some(Caller::Anonymous),
            now: Timestamp::from_millis(1_795_318_867_123).unwrap(),
            gateway_request_id: "id".to_owned(),
        };
        request.into_event()
    }

    #[test]
    fn event_equals_payload_format_2_0() {
        let request = Request::get("/api/runtimes/a%20b/models/c?d=e").header("user-agent", "test");
        let expected = json!({
            "version": "2.0",
            "routeKey": "GET /api/runtimes/{runtimeId}/{kind}/{requestId}",
            "rawPath": "/api/runtimes/a%20b/models/c",
            "rawQueryString": "d=e",
            "headers": {"host": "localhost", "user-agent": "test", "x-forwarded-proto": "http"},
            "pathParameters": {"runtimeId": "a%20b", "kind": "models", "requestId": "c"},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "authorizer": {"lambda": {"caller": "anonymous"}},
                "domainName": "localhost",
                "domainPrefix": "local",
                "http": {
                    "method": "GET",
                    "path": "/api/runtimes/a%20b/models/c",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "test",
                },
                "requestId": "id",
                "routeKey": "GET /api/runtimes/{runtimeId}/{kind}/{requestId}",
                "stage": "$default",
                "time": "22/Nov/2026:03:41:07 +0000",
                "timeEpoch": 1_795_318_867_123_i64,
            },
            "isBase64Encoded": false,
        });
        let expected: ApiGatewayV2httpRequest = serde_json::from_value(expected).unwrap();
        assert_eq!(event(request, b""), expected);
    }

    #[test]
    fn joins_repeated_headers_and_drops_binary_values() {
        let request = Request::get("/").header("a", "1").header("a", "2").header("b", &b"\xff"[..]);
        let headers = event(request.header("host", "example.com"), b"").headers;
        assert_eq!(headers["a"], "1,2");
        assert_eq!(headers["host"], "localhost");
        assert!(!headers.contains_key("b"));
    }

    #[test]
    fn encodes_body_that_is_not_text() {
        let json = || Request::get("/").header("content-type", "application/json; charset=utf-8");
        assert_eq!(event(json(), b"{}").body.as_deref(), Some("{}"));
        for (request, body, expected) in [(json(), &b"\xff"[..], "/w=="), (Request::get("/"), b"{}", "e30=")]
        {
            let event = event(request, body);
            assert_eq!((event.body.as_deref(), event.is_base64_encoded), (Some(expected), true));
        }
    }
}
