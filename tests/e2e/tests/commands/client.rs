//! `doorbell runtimes` and `doorbell models`.

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
    let [header, runtime] = [
        format!(" {:4}  {:4}  {:6}  {:36}  {}", "NAME", "TYPE", "STATUS", "ID", "DAEMON"),
        format!(" {:4}  {:4}  {:6}  {:36}  {}", "box", "file", "online", dev.only_id().await, "box"),
    ];
    assert_eq!(ended.stdout, format!("{header}\n{runtime}\n"));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
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
    let text = "error: no runtime is called \"other\"\nhelp: `doorbell runtimes` lists the runtimes\n";
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(1), "", text));
}

#[tokio::test]
async fn suggests_name_in_other_case() {
    let (dev, ..) = &dev_with_box().await;
    let ended = dev.run(&["models", "Box"]).await;
    let text = "error: no runtime is called \"Box\"\nhelp: did you mean \"box\"?\n";
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), text));
}

#[tokio::test]
async fn ambiguous_name_lists_ids() {
    let dev = Dev::without_daemon().await;
    let _one = dev.daemon(&Machine::new(), &["--daemon-id", "one"]).await;
    let _two = dev.daemon(&Machine::new(), &["--daemon-id", "two"]).await;
    let ended = dev.run(&["models", "Sample"]).await;
    let lead = "error: 2 runtimes are called \"Sample\"\nhelp: give the id of one of them\n";
    assert_eq!((ended.code, ended.stderr.starts_with(lead)), (Some(1), true), "{}", ended.stderr);
    for runtime in dev.runtimes().await {
        let [id, daemon] = ["id", "daemon_id"].map(|field| runtime[field].as_str().unwrap());
        assert!(ended.stderr.contains(&format!("\n  {id}  online  {daemon}\n")), "{}", ended.stderr);
    }
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
