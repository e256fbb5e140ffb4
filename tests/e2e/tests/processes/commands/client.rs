//! `doorbell runtimes`, `doorbell models` and `doorbell forget`.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::support::api::{USER_B, WORKSPACE_A};
use crate::support::dev::Dev;
use crate::support::machine::Machine;
use crate::support::process::{Ended, Running};
use crate::support::records::{RUNTIME, completed, record};

#[tokio::test]
async fn prints_table() {
    let dev = Dev::without_daemon().await;
    let (_machine, _daemon) = dev.named_daemon("box", "[]").await;
    let ended = dev.run(&["runtimes"]).await;
    let row = |seen: &str, id: &str| format!(" box   file  online  {seen:7}  {id}  box\n");
    let header = format!(" NAME  TYPE  STATUS  SEEN     {:36}  DAEMON\n", "ID");
    let id = dev.only_id().await;
    // A heartbeat is sent every 0.1 s; a busy machine may be slower.
    let tables: Vec<_> =
        (0..9).map(|seconds| format!("{header}{}", row(&format!("{seconds} s ago"), &id))).collect();
    assert!(tables.contains(&ended.stdout), "{}", ended.stdout);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

/// The runtime was last seen years ago, so only the number of days depends on the test's clock.
#[tokio::test]
async fn table_has_version_and_time_since_last_seen() {
    let mut runtime = listed("Codex", "x");
    runtime["metadata"] = json!({"version": "0.169.0\u{1b}", "cli_version": "0.1.0"});
    runtime["last_seen_at"] = "2020-01-01T00:00:00.000Z".into();
    let server = ScriptedServer::replying(Reply::Json(200, json!([runtime]))).await;
    let table = Machine::new().run(&["runtimes", "--url", &server.url()]).await.stdout;
    let words: Vec<_> = table.split_whitespace().collect();
    assert_eq!(words[..7], ["NAME", "TYPE", "VERSION", "STATUS", "SEEN", "ID", "DAEMON"]);
    assert_eq!(words[7..11], ["Codex", "codex-cli", "0.169.0\u{fffd}", "online"]);
    assert_eq!(words[12..], ["d", "ago", RUNTIME, "x"]);
}

#[tokio::test]
async fn json_is_response_of_api() {
    let dev = Dev::without_daemon().await;
    let mut daemons = Vec::new();
    for name in ["one", "two"] {
        // Heartbeats would change the response between the two calls.
        let (machine, daemon) = dev.named_daemon(name, "[]").await;
        daemon.terminate().await;
        daemons.push(machine);
    }
    let ended = dev.run(&["runtimes", "--json"]).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed.as_array().unwrap().len(), 2);
    assert_eq!(printed, dev.get("/api/runtimes").await);
}

#[tokio::test]
async fn no_runtimes_has_remedy() {
    let ended = Dev::without_daemon().await.run(&["runtimes"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    let text = "no runtimes; `doorbell daemon` on a machine registers its agent programs\n";
    assert_eq!(ended.stderr, text);
}

#[tokio::test]
async fn no_runtimes_is_empty_array_in_json() {
    let ended = Dev::without_daemon().await.run(&["runtimes", "--json"]).await;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "[]\n", ""));
}

#[tokio::test]
async fn unknown_workspace_has_remedy() {
    let dev = Dev::without_daemon().await;
    let ended = dev.run(&["runtimes", "--token", USER_B, "--workspace", WORKSPACE_A]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("error: workspace not found\nhelp: "), "{}", ended.stderr);
}

const MODELS: &str = r#"[{"id": "a", "label": "Model A", "default": true, "mine": {"kept": [1]}}]"#;
const TABLE: &str = "    MODEL  LABEL\n *  a      Model A\n";

/// With a runtime named `box`.
async fn dev_with_box() -> (Dev, Machine, Running) {
    let dev = Dev::without_daemon().await;
    let (machine, daemon) = dev.named_daemon("box", MODELS).await;
    (dev, machine, daemon)
}

#[tokio::test]
async fn rings_by_id() {
    let (dev, ..) = &dev_with_box().await;
    let ended = dev.run(&["models", &dev.only_id().await]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), TABLE));
}

#[tokio::test]
async fn rings_by_unique_name() {
    let (dev, ..) = &dev_with_box().await;
    let ended = dev.run(&["models", "box"]).await;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), TABLE, ""));
}

#[tokio::test]
async fn json_is_record_of_poll() {
    let (dev, ..) = &dev_with_box().await;
    let ended = dev.run(&["models", "box", "--json"]).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    let (runtime, request) = (printed["runtime_id"].as_str().unwrap(), printed["id"].as_str().unwrap());
    assert_eq!(printed, dev.get(&format!("/api/runtimes/{runtime}/models/{request}")).await);
    assert_eq!(printed["models"][0]["mine"], json!({"kept": [1]}));
}

#[tokio::test]
async fn unknown_name_has_remedy() {
    let (dev, ..) = &dev_with_box().await;
    let ended = dev.run(&["models", "other"]).await;
    let text =
        "error: no runtime has the name or type \"other\"\nhelp: `doorbell runtimes` lists the runtimes\n";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(1), "", text));
}

#[tokio::test]
async fn rings_by_name_or_type_in_any_case() {
    let (dev, ..) = &dev_with_box().await;
    let id = dev.only_id().await.to_uppercase();
    for name in ["Box", "file", "FILE", &id] {
        let ended = dev.run(&["models", name, "--refresh"]).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str(), ended.stderr.as_str()),
            (Some(0), TABLE, ""),
            "{name}"
        );
    }
}

#[tokio::test]
async fn ambiguous_name_lists_ids() {
    let dev = Dev::without_daemon().await;
    let _one = dev.daemon(&Machine::new(), &["--daemon-id", "one", "--file", "same"]).await;
    let _two = dev.daemon(&Machine::new(), &["--daemon-id", "two", "--file", "same"]).await;
    let ended = dev.run(&["models", "same"]).await;
    let lead = "error: 2 runtimes have the name \"same\"\nhelp: give the id of one of them\n";
    assert_eq!((ended.code, ended.stderr.starts_with(lead)), (Some(1), true), "{}", ended.stderr);
    for runtime in dev.runtimes().await {
        let [id, daemon] = ["id", "daemon_id"].map(|field| runtime[field].as_str().unwrap());
        let line = format!("\n  {id}  same  file  online  {daemon}\n");
        assert!(ended.stderr.contains(&line), "{}", ended.stderr);
    }
}

/// Names of older registrations may hold control characters, and forged lines with them.
#[tokio::test]
async fn ambiguous_names_stay_on_their_lines() {
    let name = "Codex\n  5f0c1b52-6c0e-5d0a-9a5e-0d9f7a1c2b3d  \u{202e}\u{2028}";
    let listed = json!([listed(name, "a"), listed(name, "b")]);
    let server = ScriptedServer::replying(Reply::Json(200, listed)).await;
    let ended = Machine::new().run(&["models", "codex-cli", "--url", &server.url()]).await;
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!((ended.code, lines.len()), (Some(1), 4), "{}", ended.stderr);
    assert!(
        lines[2].starts_with(&format!("  {RUNTIME}  Codex   ")) && lines[2].contains("\u{fffd}\u{fffd}"),
        "{lines:?}"
    );
}

fn listed(name: &str, daemon: &str) -> Value {
    let time = "2026-11-22T03:41:07.123Z";
    json!({
        "id": RUNTIME, "workspace_id": WORKSPACE_A, "daemon_id": daemon, "name": name, "provider": "codex-cli",
        "status": "online", "last_seen_at": time, "created_at": time, "updated_at": time,
    })
}

#[tokio::test]
async fn lists_every_page() {
    let server = ScriptedServer::start(|call| match call.path.as_str() {
        "/api/runtimes" => Reply::Page(json!([listed("b", "x")]), "<?cursor=2>; rel=\"next\"".to_owned()),
        _ => Reply::Json(200, json!([listed("a", "x")])),
    });
    let ended = Machine::new().run(&["runtimes", "--json", "--url", &server.await.url()]).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed, json!([listed("a", "x"), listed("b", "x")]));
}

#[tokio::test]
async fn forgets_runtime_by_name() {
    let server = ScriptedServer::start(|call| match call.method.as_str() {
        "DELETE" => Reply::Default,
        _ => Reply::Json(200, json!([listed("Old laptop", "x")])),
    });
    let server = server.await;
    let ended = Machine::new().run(&["forget", "old laptop", "--url", &server.url()]).await;
    let text = format!("Runtime {RUNTIME} is forgotten. A daemon that still serves it registers it again.\n");
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr), (Some(0), "", text));
    let calls: Vec<_> =
        server.calls().into_iter().map(|call| format!("{} {}", call.method, call.path)).collect();
    assert_eq!(calls, ["GET /api/runtimes".to_owned(), format!("DELETE /api/runtimes/{RUNTIME}")]);
}

/// The type of the only runtime says nothing about which one a user wants to remove.
#[tokio::test]
async fn forgets_no_runtime_by_type() {
    let server = ScriptedServer::replying(Reply::Json(200, json!([listed("Old laptop", "x")]))).await;
    let ended = Machine::new().run(&["forget", "codex-cli", "--url", &server.url()]).await;
    let text = "error: no runtime has the name \"codex-cli\"\nhelp: `doorbell runtimes` lists the runtimes\n";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(1), "", text));
    assert!(server.calls().iter().all(|call| call.method == "GET"));
}

#[tokio::test]
async fn forgetting_unknown_runtime_has_remedy() {
    let server = ScriptedServer::replying(Reply::error(404, "runtime not found")).await;
    let ended = Machine::new().run(&["forget", RUNTIME, "--url", &server.url()]).await;
    let text = "error: runtime not found\nhelp: `doorbell runtimes` lists the runtimes\n";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(1), "", text));
}

/// `doorbell models` for a completed request with these fields.
async fn models_of(more: Value) -> Ended {
    let server = completed(more).await;
    Machine::new().run(&["models", RUNTIME, "--url", &server.url()]).await
}

#[tokio::test]
async fn id_needs_no_list() {
    let server = completed(json!({})).await;
    Machine::new().run(&["models", RUNTIME, "--url", &server.url()]).await;
    let paths: Vec<_> = server.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, [format!("/api/runtimes/{RUNTIME}/models")]);
}

#[tokio::test]
async fn refresh_is_in_query_of_ring() {
    let server = completed(json!({})).await;
    Machine::new().run(&["models", RUNTIME, "--refresh", "--url", &server.url()]).await;
    assert_eq!(server.calls()[0].path, format!("/api/runtimes/{RUNTIME}/models?refresh=true"));
}

/// The list is years old on every clock.
#[tokio::test]
async fn cached_list_has_age() {
    let models = json!([{"id": "a", "label": "A"}]);
    let more = json!({"cached": true, "cached_at": "2020-01-01T00:00:00.000Z", "models": models});
    let ended = models_of(more).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), " MODEL  LABEL\n a      A\n"));
    let words: Vec<_> = ended.stderr.split(' ').collect();
    assert_eq!((words[0], &words[2..]), ("listed", &["d", "ago,", "refreshing\n"][..]));
}

/// The second ring is answered from the catalog, the third one by the daemon.
#[tokio::test]
async fn list_is_kept_until_refresh() {
    let dev = Dev::without_daemon().await;
    let (machine, _daemon) = dev.named_daemon("box", MODELS).await;
    let id = dev.only_id().await;
    let first = dev.run(&["models", &id]).await;
    let _machine = machine.with_file("box", r#"[{"id": "b", "label": "Model B"}]"#);
    let cached = dev.run(&["models", &id]).await;
    let refreshed = dev.run(&["models", &id, "--refresh"]).await;
    assert_eq!((first.stdout.as_str(), first.stderr.as_str()), (TABLE, ""));
    assert_eq!((cached.stdout.as_str(), cached.stderr.as_str()), (TABLE, "listed just now\n"));
    let table = " MODEL  LABEL\n b      Model B\n";
    assert_eq!((refreshed.stdout.as_str(), refreshed.stderr.as_str()), (table, ""));
}

#[tokio::test]
async fn json_of_cached_list_says_so() {
    let (dev, ..) = &dev_with_box().await;
    let json = async || {
        let ended = dev.run(&["models", "box", "--json"]).await;
        assert_eq!(ended.stderr, "");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    let first = json().await;
    let cached = json().await;
    assert_eq!((first.get("cached"), first.get("cached_at")), (None, None));
    assert_eq!((&cached["cached"], &cached["cached_at"]), (&true.into(), &cached["updated_at"]));
    assert_eq!(cached["models"], first["models"]);
}

#[tokio::test]
async fn fallback_prints_notice() {
    let more = json!({"fallback": true, "models": [{"id": "a", "label": "A"}]});
    let ended = models_of(more).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 2));
    assert_eq!(ended.stderr, "a fallback: the agent could not list its own models\n");
}

#[tokio::test]
async fn shows_thinking_levels_and_tiers() {
    let model = json!({
        "id": "a", "label": "A", "provider": "p",
        "thinking": {"supported_levels": [{"value": "low", "label": "Low"}, {"value": "high", "label": "High"}],
                     "default_level": "high"},
        "service_tiers": [{"id": "flex", "name": "Flex"}, {"id": "fast", "name": "Fast"}],
    });
    let table = " MODEL  LABEL  PROVIDER  THINKING   TIERS\n a      A      p         low high*  flex fast\n";
    assert_eq!(models_of(json!({"models": [model]})).await.stdout, table);
}

#[tokio::test]
async fn no_models_prints_notice() {
    let ended = models_of(json!({})).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert_eq!(ended.stderr, "the runtime offers no models\n");
}

#[tokio::test]
async fn unsupported_choice_prints_notice() {
    let ended = models_of(json!({"supported": false, "models": [{"id": "a", "label": "A"}]})).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 2));
    assert_eq!(ended.stderr, "this runtime ignores a model chosen for an agent\n");
}

#[tokio::test]
async fn table_has_no_control_characters() {
    let ended = models_of(json!({"models": [{"id": "a", "label": "\u{1b}]0;title\u{7}\nb\u{9b}31m"}]})).await;
    assert_eq!(ended.stdout, " MODEL  LABEL\n a      \u{fffd}]0;title\u{fffd} b\u{fffd}31m\n");
}

#[tokio::test]
async fn json_keeps_label_unchanged() {
    let label = "\u{1b}]0;title\u{7}\nb\u{9b}31m";
    let more = json!({"models": [{"id": "a", "label": label}]});
    let server = completed(more.clone()).await;
    let ended = Machine::new().run(&["models", RUNTIME, "--json", "--url", &server.url()]).await;
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), record("completed", more));
}
