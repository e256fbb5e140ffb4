//! Poll.

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, Target};
use crate::{ApiResponse, Caller};

pub async fn foreign_or_absent_request_is_not_found(api: &Target) {
    let runtime = api.new_runtime().await;
    let other = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let not_found = ApiResponse::error(404, "request not found");
    for (caller, runtime, request) in [
        (Caller::UserB, runtime.as_str(), request.as_str()),
        (Caller::UserA, &other, &request),
        (Caller::UserA, ABSENT_RUNTIME, &request),
        (Caller::UserA, &runtime, ABSENT_REQUEST),
        (Caller::UserA, &runtime, "nonsense"),
        (Caller::UserA, &runtime, &request.to_uppercase()),
        (Caller::UserA, "nonsense", &request),
    ] {
        let response = api.get(caller, &format!("/api/runtimes/{runtime}/models/{request}")).await;
        assert_eq!(response, not_found, "{caller:?} {runtime} {request}");
    }
}

/// Clients give up at the first 404.
pub async fn finds_request_right_after_ring(api: &Target) {
    let runtime = api.new_runtime().await;
    for _ in 0..10 {
        let request = api.ring(&runtime).await;
        assert_eq!(api.poll(&runtime, &request).await.status, 200);
    }
}
