//! `?wait=` on the routes that ask and poll. The suite `wait` has its times.

use serde_json::json;

use super::requests::{ask_disk_usage, new_runtime, report, requests_path};
use super::{Target, models_path};
use crate::{ApiResponse, Caller};

pub async fn held_poll_returns_the_answer(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    let path = format!("{}/{request}?wait=25", requests_path(&runtime));
    let reported = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        report(api, &runtime, &request, json!({"status": "completed", "result": "up"})).await
    };
    let (held, _) = tokio::join!(api.get(Caller::UserA, &path), reported);
    assert_eq!((&held.body["status"], &held.body["result"]), (&json!("completed"), &json!("up")));
}

pub async fn open_request_is_returned_after_the_wait(api: &Target) {
    let runtime = new_runtime(api).await;
    let asked = api.post(Caller::UserA, &format!("{}?wait=1", models_path(&runtime)), json!({})).await;
    assert_eq!((asked.status, &asked.body["status"]), (200, &json!("pending")));
}

pub async fn rejects_invalid_wait(api: &Target) {
    let runtime = new_runtime(api).await;
    let request = ask_disk_usage(api, &runtime).await;
    let invalid = ApiResponse::error(400, "invalid wait");
    for wait in ["", "26", "-1", "1.5", "x", "%2B1", "99999999999"] {
        for path in [requests_path(&runtime), models_path(&runtime)] {
            let path = format!("{path}?wait={wait}");
            assert_eq!(
                api.post(Caller::UserA, &path, json!({"kind": "disk_usage"})).await,
                invalid,
                "{path}"
            );
        }
        let path = format!("{}/{request}?wait={wait}", requests_path(&runtime));
        assert_eq!(api.get(Caller::UserA, &path).await, invalid, "{path}");
    }
}
