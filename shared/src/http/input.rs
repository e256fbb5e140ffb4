//! What a request says, checked once.

use lambda_http::{Request, RequestExt};
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::id::{RequestId, RuntimeId};
use crate::limits::BODY_BYTES;
use crate::request::{Address, Kind};
use crate::wire::Object;

/// Refuses a body over [`BODY_BYTES`], on every route, used or not.
pub fn limit_body(request: &Request) -> Result<(), ApiError> {
    if request.body().as_ref().len() <= BODY_BYTES { Ok(()) } else { Err(ApiError::BodyTooLarge) }
}

/// The JSON body, which is an object on every route that reads one. Nesting beyond what `serde_json` follows (128 levels)
/// is refused like any other unreadable body.
pub fn body<T: DeserializeOwned>(request: &Request) -> Result<T, ApiError> {
    let Object(body) = serde_json::from_slice(request.body().as_ref()).map_err(|_| ApiError::InvalidBody)?;
    Ok(body)
}

/// The runtime in the path.
pub fn runtime(request: &Request) -> Result<RuntimeId, ApiError> {
    parameter(request, "runtimeId").parse().map_err(|_| ApiError::InvalidRuntimeId)
}

/// The request in the path. What is not spelled like an id names no request, so it is simply not there.
pub fn request_id(request: &Request) -> Result<RequestId, ApiError> {
    parameter(request, "requestId").parse().map_err(|_| ApiError::RequestNotFound)
}

/// The address in the path, of a `kind` that the route implies.
pub fn address(request: &Request, kind: Kind) -> Result<Address, ApiError> {
    Ok(Address { runtime: runtime(request)?, request: request_id(request)?, kind })
}

fn parameter<'r>(request: &'r Request, name: &str) -> &'r str {
    request.path_parameters_ref().and_then(|all| all.first(name)).unwrap_or_default()
}

/// A field that has to be there and not empty.
pub fn required(field: Option<String>, missing: ApiError) -> Result<String, ApiError> {
    field.filter(|text| !text.is_empty()).ok_or(missing)
}
