//! The list of runtimes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{ABSENT_RUNTIME, Target};
use crate::client::new_daemon_id;
use crate::{ApiResponse, Caller};

pub async fn lists_by_name(api: &Target) {
    let body = json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": [
        {"name": "OpenCode", "type": "opencode"}, {"name": "Codex", "type": "codex"}]});
    api.post(Caller::DaemonA, "/api/daemon/register", body).await;
    let listed = api.get(Caller::UserA, "/api/runtimes").await.body;
    let listed = listed.as_array().unwrap().iter().map(|runtime| runtime["name"].as_str().unwrap());
    let names: Vec<_> = listed.collect();
    assert!(names.contains(&"OpenCode") && names.is_sorted(), "{names:?}");
}

pub async fn lists_workspaces_of_caller(api: &Target) {
    let runtime = api.new_runtime().await;
    let of = |workspace: &str| format!("/api/runtimes?workspace_id={workspace}");
    let lists = |response: ApiResponse| {
        response.body.as_array().unwrap().iter().any(|listed| listed["id"] == runtime.as_str())
    };
    assert!(lists(api.get(Caller::UserA, "/api/runtimes").await));
    assert!(lists(api.get(Caller::UserA, &of(&api.a.id)).await));
    assert!(!lists(api.get(Caller::UserB, "/api/runtimes").await));
    let of_b = api.get(Caller::UserA, &of(&api.b.id)).await;
    assert_eq!(of_b, ApiResponse::error(404, "workspace not found"));
    let of_none = api.get(Caller::UserA, &of("x")).await;
    assert_eq!(of_none, ApiResponse::error(400, "invalid workspace_id"));
}

pub async fn ignores_unknown_parameters(api: &Target) {
    let runtime = api.new_runtime().await;
    let path = format!("/api/runtimes?x=%00%22%5C&workspace_id={}&y=%C3%BC", api.a.id);
    let listed = api.get(Caller::UserA, &path).await.body;
    assert!(listed.as_array().unwrap().iter().any(|listed| listed["id"] == runtime.as_str()), "{listed}");
}

/// Registers `count` runtimes of one daemon; returns their ids.
async fn register(api: &Target, count: usize) -> Vec<String> {
    let runtimes: Vec<_> = (0..count).map(|number| json!({"type": format!("t{number}")})).collect();
    let body = json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": runtimes});
    let registered = api.post(Caller::DaemonA, "/api/daemon/register", body).await.body;
    ids(&registered["runtimes"])
}

fn ids(records: &Value) -> Vec<String> {
    records.as_array().unwrap().iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

pub async fn pages_list_each_runtime_once(api: &Target) {
    let registered = register(api, 10).await;
    let mut listed = Vec::new();
    let mut next = Some("/api/runtimes?limit=4".to_owned());
    while let Some(path) = next {
        let (page, link) = api.get_page(Caller::UserA, &path).await;
        assert_eq!(page.status, 200, "{path}: {page:?}");
        let names = page.body.as_array().unwrap().iter().map(|record| record["name"].as_str().unwrap());
        assert!(names.is_sorted(), "{page:?}");
        let ids = ids(&page.body);
        assert!(ids.len() <= 4 && (link.is_none() || !ids.is_empty()), "{page:?}");
        listed.extend(ids);
        next = link;
    }
    let unique: BTreeSet<_> = listed.iter().collect();
    assert_eq!(unique.len(), listed.len(), "listed twice");
    assert!(registered.iter().all(|id| unique.contains(id)), "left out");
}

pub async fn page_link_keeps_parameters(api: &Target) {
    register(api, 2).await;
    let path = format!("/api/runtimes?limit=1&workspace_id={}", api.a.id);
    let (_, next) = api.get_page(Caller::UserA, &path).await;
    let next = next.unwrap();
    let query = next.strip_prefix("/api/runtimes?").unwrap();
    let parameters: BTreeMap<_, _> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    assert_eq!(parameters.keys().copied().collect::<Vec<_>>(), ["cursor", "limit", "workspace_id"]);
    assert_eq!((parameters["limit"], parameters["workspace_id"]), ("1", api.a.id.as_str()));
    let (without_limit, _) = api.get_page(Caller::UserA, &next.replace("limit=1&", "")).await;
    assert_eq!(without_limit.status, 200);
}

pub async fn rejects_invalid_limit_and_cursor(api: &Target) {
    for limit in ["", "0", "501", "-1", "%2B5", "5.0", "x", "99999999999999999999"] {
        let response = api.get(Caller::UserA, &format!("/api/runtimes?limit={limit}")).await;
        assert_eq!(response, ApiResponse::error(400, "invalid limit"), "{limit}");
    }
    // The workspace of the other tenant, too.
    for cursor in ["", "x", ABSENT_RUNTIME, &api.b.id, &format!("{}.x", api.a.id)] {
        let response = api.get(Caller::UserA, &format!("/api/runtimes?cursor={cursor}")).await;
        assert_eq!(response, ApiResponse::error(400, "invalid cursor"), "{cursor}");
    }
}
