//! Validated parts of a request.

use doorbell_protocol::limits::BODY_BYTES;
use doorbell_protocol::{Kind, Object, RequestId, RuntimeId};
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use serde::de::DeserializeOwned;

use super::HttpRequest;
use super::access_log::record_id;
use super::error::ApiError;
use crate::request::Address;

/// Rejects a body over [`BODY_BYTES`], on every route.
pub fn limit_body(request: &HttpRequest) -> Result<(), ApiError> {
    if request.body().as_ref().len() <= BODY_BYTES { Ok(()) } else { Err(ApiError::BodyTooLarge) }
}

/// The JSON body, which must be an object.
pub fn body<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    let Object(body) = serde_json::from_slice(request.body().as_ref()).map_err(|_| ApiError::InvalidBody)?;
    Ok(body)
}

/// The runtime in the path.
pub fn runtime(request: &HttpRequest) -> Result<RuntimeId, ApiError> {
    parameter(request, "runtimeId").parse().map_err(|_| ApiError::InvalidRuntimeId)
}

/// Parses the runtime id in a body.
pub fn body_runtime(text: &str) -> Result<RuntimeId, ApiError> {
    let id = text.parse().map_err(|_| ApiError::InvalidRuntimeId)?;
    record_id("runtime_id", id);
    Ok(id)
}

/// The address in the path of a route of `kind`. A malformed request id is answered 404.
pub fn address(request: &HttpRequest, kind: Kind) -> Result<Address, ApiError> {
    let runtime = runtime(request)?;
    Ok(Address { runtime, request: request_id(request)?, kind })
}

fn request_id(request: &HttpRequest) -> Result<RequestId, ApiError> {
    parameter(request, "requestId").parse().map_err(|_| ApiError::RequestNotFound)
}

/// API Gateway's id of the call.
pub(super) fn gateway_request_id(request: &HttpRequest) -> Option<&str> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.request_id.as_deref(),
        _ => None,
    }
}

/// Adds the ids in the path to the call's span, so that the line of a rejected call has them too.
pub(super) fn record_path_ids(request: &HttpRequest) {
    if let Ok(id) = runtime(request) {
        record_id("runtime_id", id);
    }
    if let Ok(id) = request_id(request) {
        record_id("request_id", id);
    }
}

fn parameter<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.path_parameters_ref().and_then(|all| all.first(name)).unwrap_or_default()
}

/// A field that must not be missing or empty.
pub fn required(field: Option<String>, missing: ApiError) -> Result<String, ApiError> {
    field.filter(|text| !text.is_empty()).ok_or(missing)
}
