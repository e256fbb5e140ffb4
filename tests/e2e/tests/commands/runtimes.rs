//! `doorbell runtimes`.

use serde_json::Value;

use crate::support::api::{DAEMON_B, USER_B, WORKSPACE_A, WORKSPACE_B};
use crate::support::dev::Dev;
use crate::support::machine::Machine;

#[tokio::test]
async fn each_is_a_line_of_a_table() {
    let dev = Dev::without_daemon().await;
    let (_machine, _daemon) = dev.daemon_for("box", "[]").await;
    let ended = dev.run(&["runtimes"]).await;
    let [header, runtime] = [
        format!(" {:4}  {:4}  {:6}  {:36}  {}", "NAME", "TYPE", "STATUS", "ID", "DAEMON"),
        format!(" {:4}  {:4}  {:6}  {:36}  {}", "box", "file", "online", dev.only_id().await, "box"),
    ];
    assert_eq!(ended.stdout, format!("{header}\n{runtime}\n"));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn json_is_what_the_api_answers() {
    let dev = Dev::without_daemon().await;
    let mut daemons = Vec::new();
    for name in ["one", "two"] {
        // Beats would change the answer between the two looks at it.
        let (machine, daemon) = dev.daemon_for(name, "[]").await;
        daemon.terminate().await;
        daemons.push(machine);
    }
    let ended = dev.run(&["runtimes", "--json"]).await;
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed.as_array().unwrap().len(), 2);
    assert_eq!(printed, dev.get("/api/runtimes").await);
}

#[tokio::test]
async fn none_is_no_table_and_a_word_of_what_to_do() {
    let ended = Dev::without_daemon().await.run(&["runtimes"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    let text = "no runtimes; `doorbell daemon` on a machine makes its agent programs known\n";
    assert_eq!(ended.stderr, text);
}

#[tokio::test]
async fn none_is_an_empty_array_in_json() {
    let ended = Dev::without_daemon().await.run(&["runtimes", "--json"]).await;
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(0), "[]\n", ""));
}

#[tokio::test]
async fn those_of_others_are_not_among_them() {
    let dev = Dev::without_daemon().await;
    let options = ["--token", DAEMON_B, "--workspace", WORKSPACE_B];
    let _daemon = dev.daemon(&Machine::new(), &options).await;
    assert_eq!(dev.run(&["runtimes", "--json"]).await.stdout, "[]\n");
    let of_b = ["runtimes", "--token", USER_B, "--workspace", WORKSPACE_B];
    assert!(dev.run(&of_b).await.stdout.contains("Sample"));
}

#[tokio::test]
async fn a_workspace_of_others_is_told_like_one_that_does_not_exist() {
    let dev = Dev::without_daemon().await;
    for (token, workspace) in [(USER_B, WORKSPACE_A), (USER_B, "0c9d3b52-6c0e-4d0a-9a5e-0d9f7a1c2b3d")] {
        let ended = dev.run(&["runtimes", "--token", token, "--workspace", workspace]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.starts_with("error: workspace not found\nhelp: "), "{}", ended.stderr);
    }
}
