//! Validated parts of a request.

use doorbell_protocol::limits::BODY_BYTES;
use doorbell_protocol::{Kind, Object, RequestId, RuntimeId};
use lambda_http::RequestExt as _;
use serde::de::DeserializeOwned;

use super::HttpRequest;
use super::access_log::record_id;
use super::error::ApiError;
use crate::request::Address;

/// Rejects a body over [`BODY_BYTES`], on every route.
pub fn limit_body(request: &HttpRequest) -> Result<(), ApiError> {
    if request.body().as_ref().len() <= BODY_BYTES { Ok(()) } else { Err(ApiError::BodyTooLarge) }
}

/// The JSON body, which must be an object. Nesting over 128 levels, the limit of `serde_json`, is rejected as invalid.
pub fn body<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    let Object(body) = serde_json::from_slice(request.body().as_ref()).map_err(|_| ApiError::InvalidBody)?;
    Ok(body)
}

/// The runtime in the path.
pub fn runtime(request: &HttpRequest) -> Result<RuntimeId, ApiError> {
    runtime_id(parameter(request, "runtimeId"))
}

/// Parses a runtime id of the path or the body.
pub fn runtime_id(text: &str) -> Result<RuntimeId, ApiError> {
    let id = text.parse().map_err(|_| ApiError::InvalidRuntimeId)?;
    record_id("runtime_id", id);
    Ok(id)
}

/// The address in the path of a route of `kind`. A malformed request id is answered 404.
pub fn address(request: &HttpRequest, kind: Kind) -> Result<Address, ApiError> {
    let runtime = runtime(request)?;
    let id: RequestId = parameter(request, "requestId").parse().map_err(|_| ApiError::RequestNotFound)?;
    record_id("request_id", id);
    Ok(Address { runtime, request: id, kind })
}

fn parameter<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.path_parameters_ref().and_then(|all| all.first(name)).unwrap_or_default()
}

/// A field that must not be missing or empty.
pub fn required(field: Option<String>, missing: ApiError) -> Result<String, ApiError> {
    field.filter(|text| !text.is_empty()).ok_or(missing)
}
