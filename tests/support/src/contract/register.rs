//! Register.

use serde_json::{Value, json};

use super::Target;
use crate::client::new_daemon_id;
use crate::{ApiResponse, Caller};

async fn register(api: &Target, body: Value) -> ApiResponse {
    api.post(Caller::DaemonA, "/api/daemon/register", body).await
}

/// The record of the runtime that a daemon registers with these fields of the body and of its runtime.
async fn registered(api: &Target, fields: Value, runtime: Value) -> Value {
    let mut body =
        json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": [{"type": "codex"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body["runtimes"][0].as_object_mut().unwrap().extend(runtime.as_object().unwrap().clone());
    let response = register(api, body.clone()).await;
    assert_eq!(response.status, 200, "{body} {response:?}");
    response.body["runtimes"][0].clone()
}

pub async fn responds_with_runtimes(api: &Target) {
    let workspace = &api.a.id;
    let daemon = new_daemon_id();
    let body = json!({
        "workspace_id": workspace, "daemon_id": daemon, "device_name": "…", "cli_version": "…",
        "runtimes": [{"name": "Codex", "type": "codex", "version": "0.169.0", "status": "online", "profile_id": ""}],
        "something_else": true,
    });
    let response = register(api, body).await;
    assert_eq!(response.status, 200);
    let runtime = &response.body["runtimes"][0];
    let now = runtime["last_seen_at"].clone();
    assert_eq!(
        response.body,
        json!({
            "runtimes": [{
                "id": runtime["id"], "workspace_id": workspace, "daemon_id": daemon, "name": "Codex",
                "provider": "codex", "device_info": "…", "runtime_mode": "local", "visibility": "public",
                "owner_id": runtime["owner_id"], "metadata": {"version": "0.169.0", "cli_version": "…"},
                "status": "online", "last_seen_at": now, "created_at": now, "updated_at": now,
            }],
            "repos": [], "repos_version": "", "settings": {},
        })
    );
    assert!(runtime["owner_id"].as_str().is_some_and(|subject| !subject.is_empty()), "{runtime}");
}

pub async fn repeated_registration_keeps_ids(api: &Target) {
    let daemon = new_daemon_id();
    assert_eq!(api.register(&daemon).await, api.register(&daemon).await);
}

pub async fn profiles_are_different_runtimes(api: &Target) {
    let body = json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": [
        {"name": "Codex", "type": "codex"}, {"name": "Codex", "type": "codex", "profile_id": "work"}]});
    let runtimes = register(api, body).await.body["runtimes"].clone();
    assert_ne!(runtimes[0]["id"], runtimes[1]["id"]);
    assert_eq!((runtimes[0].get("profile_id"), &runtimes[1]["profile_id"]), (None, &json!("work")));
}

pub async fn list_shows_registered_record(api: &Target) {
    let fields = json!({"device_name": "Anna's laptop", "cli_version": "0.1.0"});
    let program = json!({"name": "Codex", "version": "0.169.0", "profile_id": "work"});
    let record = registered(api, fields, program).await;
    assert_eq!(api.find_runtime(record["id"].as_str().unwrap()).await, Some(record));
}

pub async fn leaves_out_fields_that_are_not_set(api: &Target) {
    let record = registered(api, json!({}), json!({"version": " ", "profile_id": ""})).await;
    let mut fields: Vec<_> = record.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let expected = [
        "created_at",
        "daemon_id",
        "id",
        "last_seen_at",
        "name",
        "owner_id",
        "provider",
        "runtime_mode",
        "status",
        "updated_at",
        "visibility",
        "workspace_id",
    ];
    assert_eq!(fields, expected);
    let record = registered(api, json!({}), json!({"version": "2"})).await;
    assert_eq!(record["metadata"], json!({"version": "2"}));
}

pub async fn next_registration_replaces_all_fields(api: &Target) {
    let daemon = json!({"daemon_id": new_daemon_id(), "device_name": "Laptop", "cli_version": "1"});
    let first = registered(api, daemon.clone(), json!({"name": "First", "version": "1"})).await;
    let second = registered(api, json!({"daemon_id": daemon["daemon_id"]}), json!({"name": "Second"})).await;
    assert_eq!((&first["id"], &first["created_at"]), (&second["id"], &second["created_at"]));
    assert_eq!((first.get("metadata").is_some(), second.get("metadata")), (true, None));
    assert_eq!((first.get("device_info").is_some(), second.get("device_info")), (true, None));
    assert_eq!((&first["name"], &second["name"]), (&json!("First"), &json!("Second")));
}

/// The last entry counts.
pub async fn runtime_listed_twice_is_one_runtime(api: &Target) {
    let body = json!({"workspace_id": api.a.id, "daemon_id": new_daemon_id(), "runtimes": [
        {"type": "codex", "name": "First"}, {"type": "other"}, {"type": "codex", "name": "Last"}]});
    let runtimes = register(api, body).await.body["runtimes"].clone();
    assert_eq!(runtimes[0], runtimes[2]);
    assert_eq!((&runtimes[0]["name"], &runtimes[1]["provider"]), (&json!("Last"), &json!("other")));
}

pub async fn trims_texts(api: &Target) {
    let daemon = new_daemon_id();
    let padded = |text: &str| format!(" \t{text}\r\n\u{3000}");
    let fields = json!({"workspace_id": padded(&api.a.id), "daemon_id": padded(&daemon)});
    let record = registered(api, fields, json!({"name": padded("Codex"), "type": padded("codex")})).await;
    assert_eq!((&record["daemon_id"], &record["name"]), (&json!(daemon), &json!("Codex")));
    assert_eq!(record["provider"], "codex");
    assert_eq!(record["id"], registered(api, json!({"daemon_id": daemon}), json!({})).await["id"]);
}

pub async fn names_nameless_runtime_after_type_and_device(api: &Target) {
    let laptop = json!({"device_name": "Laptop"});
    for (fields, program, name) in [
        (&laptop, json!({}), "codex (Laptop)"),
        (&laptop, json!({"name": null}), "codex (Laptop)"),
        (&laptop, json!({"name": " \n "}), "codex (Laptop)"),
        (&laptop, json!({"name": "", "type": "\t"}), "unknown (Laptop)"),
        (&json!({}), json!({}), "codex"),
        (&json!({"device_name": "  "}), json!({"name": ""}), "codex"),
    ] {
        assert_eq!(registered(api, fields.clone(), program).await["name"], name);
    }
}

/// Unmodified daemons send anything in these three fields.
pub async fn cleans_versions_and_device_name(api: &Target) {
    let long = "ü".repeat(100_000);
    let cut = "ü".repeat(200);
    for (sent, shown) in [
        (json!("  1.2\u{0}\u{1b}[31m.3\n"), Some("1.2[31m.3")),
        (json!(long), Some(cut.as_str())),
        (json!("\u{7}\u{85}"), None),
        (json!(7), None),
        (json!({"major": [1, null]}), None),
        (json!(null), None),
    ] {
        let fields = json!({"device_name": sent, "cli_version": sent});
        let record = registered(api, fields, json!({"name": "n", "version": sent})).await;
        let metadata = &record["metadata"];
        let found = [&record["device_info"], &metadata["version"], &metadata["cli_version"]];
        assert_eq!(found.map(Value::as_str), [shown; 3], "{sent}");
    }
    let huge = r#"1e999, "device_name": -1e999"#;
    let body = format!(
        r#"{{"workspace_id": "{}", "daemon_id": "d", "runtimes": [{{"version": 1e999}}], "cli_version": {huge}}}"#,
        api.a.id
    );
    assert_eq!(api.register_raw(body).await.status, 200);
}

/// Each text 200 characters long, of four bytes each. The suite `limits` registers 50 such runtimes.
pub async fn accepts_longest_texts(api: &Target) {
    let text = |number: usize| format!("{number:03}{}", "𝄞".repeat(197));
    let daemon = new_daemon_id();
    let daemon = format!("{daemon}{}", "𝄞".repeat(200 - daemon.len()));
    let program = |number| {
        let text = text(number);
        json!({"name": text, "type": text, "version": text, "profile_id": text, "status": text})
    };
    let body = json!({
        "workspace_id": api.a.id, "daemon_id": daemon, "device_name": text(0), "cli_version": text(0),
        "runtimes": [program(0), program(1)],
    });
    let response = register(api, body).await;
    assert_eq!(response.status, 200, "{response:?}");
    let runtimes = response.body["runtimes"].as_array().unwrap();
    for (number, runtime) in runtimes.iter().enumerate() {
        for field in ["name", "provider", "profile_id"] {
            assert_eq!(runtime[field], text(number), "{field}");
        }
        assert_eq!(runtime["metadata"], json!({"version": text(number), "cli_version": text(0)}));
    }
    // The name is made of two such texts.
    let nameless = json!({"type": text(0)});
    let record = registered(api, json!({"device_name": text(1)}), nameless).await;
    assert_eq!(record["name"], json!(text(0)));
}

pub async fn rejects_control_characters(api: &Target) {
    for control in ['\u{0}', '\n', '\u{1b}', '\u{7f}', '\u{9b}'] {
        for field in ["daemon_id", "name", "type", "profile_id"] {
            let mut body =
                json!({"workspace_id": api.a.id, "daemon_id": "d", "runtimes": [{"type": "codex"}]});
            let target = if field == "daemon_id" { &mut body } else { &mut body["runtimes"][0] };
            target[field] = format!("a{control}b").into();
            let expected = ApiResponse::error(400, &format!("invalid {field}"));
            assert_eq!(register(api, body).await, expected, "{control:?}");
        }
    }
}

pub async fn rejects_incomplete_registration(api: &Target) {
    let workspace = &api.a.id;
    let runtimes = json!([{"name": "Codex", "type": "codex"}]);
    let many: Vec<_> = (0..51).map(|n| json!({"type": format!("t{n}")})).collect();
    let no_runtime = "at least one runtime or failed profile is required";
    for (body, error) in [
        (json!({"workspace_id": workspace, "runtimes": runtimes}), "daemon_id is required"),
        (json!({"daemon_id": "d", "runtimes": runtimes}), "workspace_id is required"),
        (json!({"daemon_id": "", "workspace_id": workspace, "runtimes": runtimes}), "daemon_id is required"),
        (
            json!({"daemon_id": "\t ", "workspace_id": workspace, "runtimes": runtimes}),
            "daemon_id is required",
        ),
        (json!({"daemon_id": "d", "workspace_id": "", "runtimes": runtimes}), "workspace_id is required"),
        (json!({"daemon_id": "d", "workspace_id": " \n", "runtimes": runtimes}), "workspace_id is required"),
        (json!({"daemon_id": "d", "workspace_id": workspace}), no_runtime),
        (json!({"daemon_id": "d", "workspace_id": workspace, "runtimes": []}), no_runtime),
        (json!({"daemon_id": "d", "workspace_id": "x", "runtimes": runtimes}), "invalid workspace_id"),
        (json!({"daemon_id": 5, "workspace_id": workspace, "runtimes": runtimes}), "invalid request body"),
        (
            json!({"daemon_id": "d", "workspace_id": workspace, "runtimes": many}),
            "at most 50 runtimes at once",
        ),
        (
            json!({"daemon_id": "d", "workspace_id": workspace, "runtimes": [{"name": "n".repeat(201)}]}),
            "name is longer than 200 characters",
        ),
    ] {
        assert_eq!(register(api, body).await, ApiResponse::error(400, error));
    }
    let response = api.post_raw(Caller::DaemonA, "/api/daemon/register", "not json").await;
    assert_eq!(response, ApiResponse::error(400, "invalid request body"));
}

pub async fn accepts_failed_profile_alone(api: &Target) {
    let body = json!({"daemon_id": "d", "workspace_id": api.a.id, "failed_profiles": [{"profile_id": "p"}]});
    let response = register(api, body).await;
    assert_eq!((response.status, &response.body["runtimes"]), (200, &json!([])));
}

pub async fn foreign_workspace_is_not_found(api: &Target) {
    let body = json!({"daemon_id": "d", "workspace_id": api.b.id, "runtimes": [{"type": "codex"}]});
    assert_eq!(register(api, body).await, ApiResponse::error(404, "workspace not found"));
}
