//! JSON responses.

use lambda_http::Body;
use lambda_http::http::{Response as HttpResponse, header};
use serde::Serialize;

/// A function's response.
pub type Response = HttpResponse<Body>;

/// A response with a JSON body. It is serialized directly, because a [`serde_json::Value`] would copy a large catalog.
///
/// # Panics
/// If a map has keys that are not strings. No response has such a map.
#[expect(clippy::expect_used, reason = "types of the wire are always serializable")]
pub fn json(status: u16, body: &impl Serialize) -> Response {
    let body = serde_json::to_string(body).expect("a type of the wire is JSON");
    let response = HttpResponse::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    // A status and a static header are always valid; the default is for the type checker.
    response.body(Body::Text(body)).unwrap_or_default()
}
