//! The workspaces of a daemon's token, which an unmodified daemon asks for first.

use serde_json::json;

use super::Target;
use crate::{ApiResponse, Caller};

pub async fn lists_workspaces_of_token(api: &Target) {
    for (caller, workspace) in [(Caller::DaemonA, &api.a.id), (Caller::DaemonB, &api.b.id)] {
        let response = api.get(caller, "/api/daemon/workspaces").await;
        assert_eq!(response, ApiResponse::ok(json!([{"id": workspace, "name": workspace}])));
    }
}
