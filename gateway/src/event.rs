//! An HTTP request → the event that API Gateway's HTTP API sends to a function, payload format 2.0, as AWS documents it
//! ("Create AWS Lambda proxy integrations for HTTP APIs").

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use doorbell_protocol::Timestamp;
use doorbell_shared::http::caller::Caller;
use doorbell_shared::http::routes::Route;
use serde_json::{Value, json};

/// API Gateway sets host and protocol itself, whatever a client sends.
const HOST: &str = "localhost";
const PROTOCOL: &str = "http";

/// A request that has found its route and its caller.
#[derive(Debug)]
pub struct GatewayRequest<'r> {
    /// The route it matched.
    pub route: Route,
    /// The path's parameters.
    pub parameters: Vec<(&'static str, &'r str)>,
    /// Method, URI and headers.
    pub parts: &'r Parts,
    /// The body.
    pub body: &'r [u8],
    /// What the authorizer says of the caller.
    pub caller: &'r Caller,
    /// When it came in.
    pub now: Timestamp,
    /// The gateway's own id for it.
    pub gateway_request_id: String,
}

impl GatewayRequest<'_> {
    /// The event.
    pub fn event(&self) -> Value {
        let (body, is_base64) = self.body();
        let query = self.parts.uri.query().unwrap_or_default();
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route_key(),
            "rawPath": self.parts.uri.path(),
            "rawQueryString": query,
            "headers": headers(&self.parts.headers),
            "requestContext": self.context(),
            "isBase64Encoded": is_base64,
        });
        // Absent rather than empty, as in the cloud.
        if !self.parameters.is_empty() {
            let parameters: BTreeMap<_, _> = self.parameters.iter().copied().collect();
            event["pathParameters"] = json!(parameters);
        }
        if let Some(body) = body {
            event["body"] = body.into();
        }
        event
    }

    fn route_key(&self) -> String {
        format!("{} {}", self.route.method, self.route.path)
    }

    fn context(&self) -> Value {
        json!({
            "accountId": "000000000000",
            "apiId": "local",
            "authorizer": { "lambda": self.caller },
            "domainName": HOST,
            "domainPrefix": "local",
            "http": {
                "method": self.parts.method.as_str(),
                "path": self.parts.uri.path(),
                "protocol": "HTTP/1.1",
                "sourceIp": self.source_ip(),
                "userAgent": text(&self.parts.headers, &header::USER_AGENT),
            },
            "requestId": self.gateway_request_id,
            "routeKey": self.route_key(),
            "stage": "$default",
            "time": time(self.now),
            "timeEpoch": self.now.millis(),
        })
    }

    fn source_ip(&self) -> String {
        let peer = self.parts.extensions.get::<ConnectInfo<SocketAddr>>();
        peer.map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0.ip()).to_string()
    }

    /// API Gateway hands text on as it is and everything else in base64.
    fn body(&self) -> (Option<String>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        match std::str::from_utf8(self.body) {
            Ok(body) if is_text(&self.parts.headers) => (Some(body.to_owned()), false),
            _ => (Some(STANDARD.encode(self.body)), true),
        }
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let content_type = text(headers, &header::CONTENT_TYPE);
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&media_type)
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// Names in lower case, values of one name joined by commas; the token stays, as it does in the cloud.
pub(super) fn headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let Ok(value) = value.to_str() else { continue };
        let values = joined.entry(name.as_str()).or_default();
        if !values.is_empty() {
            values.push(',');
        }
        values.push_str(value);
    }
    joined.insert(header::HOST.as_str(), HOST.to_owned());
    joined.insert("x-forwarded-proto", PROTOCOL.to_owned());
    joined
}

/// Common Log Format, as the event has it: `22/Nov/2026:03:41:07 +0000`.
fn time(now: Timestamp) -> String {
    let time = DateTime::from_timestamp_millis(now.millis()).unwrap_or_default();
    time.format("%d/%b/%Y:%H:%M:%S +0000").to_string()
}
