//! Tenant isolation on the deployed stack. The suite `isolation` compares whole responses and costs in process.

use doorbell_shared::http::routes::{Function, ROUTES, Route};
use serde_json::json;

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, Target, callers, paths};
use crate::ApiResponse;

/// The routes that name a runtime or a request.
fn routes() -> impl Iterator<Item = Route> {
    let names_one = |route: &Route| {
        let of_body = [Function::Deregister, Function::Heartbeat];
        route.path.contains("{runtimeId}") || of_body.contains(&route.function)
    };
    ROUTES.into_iter().filter(names_one)
}

/// The responses to workspace B, one for each kind.
async fn call_as_b(api: &Target, route: &Route, runtime: &str, request: &str) -> Vec<ApiResponse> {
    let [_, b] = callers(route);
    let mut responses = Vec::new();
    for path in paths(route, runtime, request) {
        responses.push(match route.function {
            Function::Deregister => api.post(b, &path, json!({"runtime_ids": [runtime]})).await,
            Function::Heartbeat => api.post(b, &path, json!({"runtime_id": runtime})).await,
            Function::Report => api.post(b, &path, json!({"status": "failed", "error": "mine now"})).await,
            Function::Initiate => api.post(b, &path, json!({"kind": "model_list"})).await,
            Function::Forget | Function::Cancel => api.delete(b, &path).await,
            _ => api.get(b, &path).await,
        });
    }
    responses
}

pub async fn foreign_looks_absent(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    for route in routes() {
        let foreign = call_as_b(api, &route, &runtime, &request).await;
        let absent = call_as_b(api, &route, ABSENT_RUNTIME, ABSENT_REQUEST).await;
        // The contract has two texts here, because a daemon drops an unknown runtime.
        let same = if route.function == Function::Heartbeat {
            foreign[0].status == absent[0].status
        } else {
            foreign == absent
        };
        assert!(same, "{route:?}: {foreign:?} {absent:?}");
    }
}

pub async fn foreign_cannot_be_changed(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let before = api.poll(&runtime, &request).await;
    for route in routes() {
        call_as_b(api, &route, &runtime, &request).await;
    }
    assert_eq!(api.poll(&runtime, &request).await, before);
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "online");
}
