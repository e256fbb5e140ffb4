//! ClaimFilter at a request.

use super::{ABSENT_REQUEST, ABSENT_RUNTIME};
use crate::{ApiResponse, Caller, Client};

pub async fn does_not_find_what_is_not_the_callers_or_not_under_this_path(api: &Client) {
    let (runtime, other) = (api.new_runtime().await, api.new_runtime().await);
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
        let answer = api.get(caller, &format!("/api/runtimes/{runtime}/models/{request}")).await;
        assert_eq!(answer, not_found, "{caller:?} {runtime} {request}");
    }
}

/// A client gives up for good at the first 404.
pub async fn finds_a_request_right_after_the_ring(api: &Client) {
    let runtime = api.new_runtime().await;
    for _ in 0..10 {
        let request = api.ring(&runtime).await;
        assert_eq!(api.poll(&runtime, &request).await.status, 200);
    }
}
