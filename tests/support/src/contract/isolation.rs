//! Two workspaces.

use doorbell_shared::http::routes::{Function, ROUTES, Route};
use serde_json::json;

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, callers, path};
use crate::{ApiResponse, Client};

/// The routes that name a runtime or a request.
fn routes() -> impl Iterator<Item = Route> {
    ROUTES.into_iter().filter(|route| !matches!(route.function, Function::Register | Function::Runtimes))
}

/// What workspace B is answered.
async fn seen_from_b(api: &Client, route: &Route, runtime: &str, request: &str) -> ApiResponse {
    let ([_, b], path) = (callers(route), path(route, runtime, request));
    match route.function {
        Function::Deregister => api.post(b, &path, json!({"runtime_ids": [runtime]})).await,
        Function::Heartbeat => api.post(b, &path, json!({"runtime_id": runtime})).await,
        Function::Report => api.post(b, &path, json!({"status": "failed", "error": "mine now"})).await,
        Function::Initiate => api.post_raw(b, &path, "").await,
        Function::Poll | Function::Runtimes | Function::Register => api.get(b, &path).await,
    }
}

pub async fn make_what_is_foreign_look_like_what_does_not_exist(api: &Client) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    for route in routes() {
        let foreign = seen_from_b(api, &route, &runtime, &request).await;
        let absent = seen_from_b(api, &route, ABSENT_RUNTIME, ABSENT_REQUEST).await;
        // A daemon drops a runtime that is unknown, so the contract has two texts here.
        let same = if route.function == Function::Heartbeat {
            foreign.status == absent.status
        } else {
            foreign == absent
        };
        assert!(same, "{route:?}: {foreign:?} {absent:?}");
    }
}

pub async fn keep_what_is_foreign_from_being_changed(api: &Client) {
    let runtime = api.new_runtime().await;
    let request = api.ring(&runtime).await;
    let before = api.poll(&runtime, &request).await;
    for route in routes() {
        seen_from_b(api, &route, &runtime, &request).await;
    }
    assert_eq!(api.poll(&runtime, &request).await, before);
    assert_eq!(api.find_runtime(&runtime).await.unwrap()["status"], "online");
}
