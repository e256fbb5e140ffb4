//! `http://` to another machine would send the token unencrypted.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::json;

use crate::support::machine::Machine;
use crate::support::records::RUNTIME;

const COMMANDS: [&[&str]; 5] =
    [&["runtimes"], &["models", RUNTIME], &["forget", RUNTIME], &["daemon", "--file", "any"], &["bench"]];

/// A machine whose calls to other hosts reach `server`, as their proxy.
fn behind_proxy(server: &ScriptedServer) -> Machine {
    Machine::new().with_env("http_proxy", &server.url())
}

#[tokio::test]
async fn refuses_http_to_another_machine() {
    let server = ScriptedServer::replying(Reply::Default).await;
    for command in COMMANDS {
        let url = "http://alice:hunter2@doorbell.test:8080/prod?key=hunter2";
        let ended = behind_proxy(&server).run(&[command, &["--url", url]].concat()).await;
        let error =
            "error: the token would cross the network unencrypted on its way to http://doorbell.test:8080\n";
        let help =
            "help: use an https:// URL, or --allow-http (DOORBELL_ALLOW_HTTP) on a network that you trust\n";
        let text = format!("{error}{help}");
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr), (Some(1), "", text), "{command:?}");
    }
    assert_eq!(server.calls().len(), 0);
}

#[tokio::test]
async fn refuses_addresses_that_look_like_loopback() {
    for host in
        ["localhost.evil.test", "127.0.0.1.evil.test", "128.0.0.1", "0.0.0.0", "[::2]", "evil.localhost"]
    {
        let url = format!("http://{host}:1");
        let ended = Machine::new().run(&["runtimes", "--url", &url]).await;
        let error = format!("error: the token would cross the network unencrypted on its way to {url}\n");
        assert!(ended.code == Some(1) && ended.stderr.starts_with(&error), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn flag_or_variable_allows_http() {
    let server = ScriptedServer::replying(Reply::Json(200, json!([]))).await;
    let list = ["runtimes", "--json", "--url", "http://doorbell.test", "--token", "dbu_example"];
    let by_flag = behind_proxy(&server).run(&[&list[..], &["--allow-http"]].concat()).await;
    let by_variable = behind_proxy(&server).with_env("DOORBELL_ALLOW_HTTP", "1").run(&list).await;
    for ended in [by_flag, by_variable] {
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "[]\n", ""));
    }
    let refused = behind_proxy(&server).with_env("DOORBELL_ALLOW_HTTP", "false").run(&list).await;
    assert_eq!(refused.code, Some(1));
    let paths: Vec<_> = server.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["http://doorbell.test/api/runtimes"; 2]);
}

/// No traffic leaves the machine: the check passes, and the connection to the closed port fails.
#[tokio::test]
async fn allows_https_and_loopback() {
    for url in ["https://127.0.0.1:1", "http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"] {
        let ended = Machine::new().run(&["runtimes", "--url", url, "--token", "dbu_example"]).await;
        assert!(ended.stderr.starts_with(&format!("error: {url} cannot be reached: ")), "{}", ended.stderr);
    }
}
