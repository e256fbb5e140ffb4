//! `doorbell join`: redeems a code, and `doorbell daemon` needs no options after it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use doorbell_client::{self as client, Api};
use doorbell_protocol::RedeemBody;
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::json;

use crate::support::api::{WORKSPACE_A, WORKSPACE_B};
use crate::support::machine::Machine;
use crate::support::process::Ended;

const CODE: &str = "K7QX-4M2N-9TBC-HW5R";
const TOKEN: &str = "dbd_example";
const REDEEM: &str = "/api/enrolments/redeem";

/// Answers as the server does.
fn redeemed(call: &ScriptedCall) -> Reply {
    let body = json!({"token": TOKEN, "workspace_id": WORKSPACE_B, "daemon_id": call.body["daemon_id"]});
    if call.path == REDEEM { Reply::Json(200, body) } else { Reply::Default }
}

async fn join(machine: &Machine, server: &ScriptedServer, options: &[&str]) -> Ended {
    machine.run(&[&["join", CODE, "--url", &server.url()], options].concat()).await
}

fn failed(ended: &Ended) -> &str {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert!(!ended.stderr.contains(CODE) && !ended.stderr.contains(TOKEN), "{}", ended.stderr);
    &ended.stderr
}

#[tokio::test]
async fn sends_code_and_identity_without_token() {
    let server = ScriptedServer::start(redeemed).await;
    let machine = Machine::new().with_env("DOORBELL_TOKEN", "dbu_secret");
    let ended = join(&machine, &server, &["--device-name", "Build machine"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let calls = server.calls();
    let [call] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((call.method.as_str(), call.path.as_str()), ("POST", REDEEM));
    let daemon_id = machine.state("daemon-id").unwrap();
    let expected = json!({"code": CODE, "daemon_id": daemon_id.trim(), "device_name": "Build machine"});
    assert_eq!((&call.body, call.authorization.len()), (&expected, 0));
    assert!(
        !ended.stdout.contains(TOKEN) && ended.stdout.contains("\n  doorbell daemon "),
        "{}",
        ended.stdout
    );
}

#[tokio::test]
async fn stores_enrolment_for_owner_only() {
    let server = ScriptedServer::start(redeemed).await;
    let machine = Machine::new();
    assert_eq!(join(&machine, &server, &["--daemon-id", "box"]).await.code, Some(0));
    let path = machine.state_path("daemon.toml");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(path.as_path()), mode(path.parent().unwrap())), (0o600, 0o700));
    let expected = format!(
        "url = \"{}/\"\nworkspace = \"{WORKSPACE_B}\"\ndaemon_id = \"box\"\ntoken = \"{TOKEN}\"\n",
        server.url()
    );
    assert_eq!(machine.state("daemon.toml").unwrap(), expected);
}

#[tokio::test]
async fn daemon_needs_no_options_after_join() {
    let server = ScriptedServer::start(redeemed).await;
    let machine = Machine::new().with_file("agent", "[]");
    join(&machine, &server, &[]).await;
    let daemon = machine.start(&["daemon", "--file", "agent"]);
    daemon.wait_for_stdout(" online ").await;
    let registered = &server.calls_to("/api/daemon/register")[0];
    assert_eq!(registered.authorization, [format!("Bearer {TOKEN}")]);
    let daemon_id = machine.state("daemon-id").unwrap();
    assert_eq!(
        (&registered.body["workspace_id"], &registered.body["daemon_id"]),
        (&json!(WORKSPACE_B), &json!(daemon_id.trim()))
    );
    assert!(!daemon.terminate().await.stderr.contains("warning"));
}

#[tokio::test]
async fn reads_code_from_standard_input() {
    let server = ScriptedServer::start(redeemed).await;
    let arguments = ["join", "-", "--url", &server.url()];
    let ended = Machine::new().run_with_input(&arguments, "k7qx 4m2n 9tbc hw5r\n").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(server.calls()[0].body["code"], "k7qx 4m2n 9tbc hw5r");
}

#[tokio::test]
async fn lost_answer_is_repeated_with_same_code_and_daemon() {
    let script = |call: &ScriptedCall| if call.nth == 0 { Reply::Broken } else { redeemed(call) };
    let server = ScriptedServer::start(script).await;
    let ended = join(&Machine::new(), &server, &[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let calls = server.calls();
    assert_eq!((calls.len(), &calls[0].body), (2, &calls[1].body));
}

/// The calls of a redemption that fails with `reply`, and its duration.
async fn tries(reply: Reply) -> (usize, Duration) {
    let server = ScriptedServer::replying(reply).await;
    let url = format!("http://{}", server.host()).parse().unwrap();
    let api = Api::new(server.http_client(), url, "");
    let body = RedeemBody { code: Some(CODE.to_owned()), ..RedeemBody::default() };
    #[expect(clippy::disallowed_methods, reason = "measures virtual time")]
    let start = tokio::time::Instant::now();
    assert!(client::redeem(&api, &body).await.is_err());
    (server.calls().len(), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn gives_up_within_the_minute_of_a_redeemed_code() {
    for reply in [Reply::Hang, Reply::error(503, "server is busy")] {
        let (calls, elapsed) = tries(reply.clone()).await;
        assert_eq!(calls, 3, "{reply:?}");
        assert!(elapsed < Duration::from_secs(60), "{reply:?}: {elapsed:?}");
    }
}

/// API Gateway limits the route for all machines together, and fleets join at once.
#[tokio::test(start_paused = true)]
async fn limited_redemption_is_repeated_for_five_minutes() {
    let of_api_gateway = Reply::Json(429, json!({"message": "Too Many Requests"}));
    for reply in [of_api_gateway, Reply::RateLimited(3_600)] {
        let (calls, elapsed) = tries(reply.clone()).await;
        // A wait has a random part of up to 20 s, after up to 10 s of a `Retry-After`.
        assert!((11..=100).contains(&calls), "{reply:?}: {calls}");
        assert!((270..=300).contains(&elapsed.as_secs()), "{reply:?}: {elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rejected_code_is_not_repeated() {
    for (status, text) in [(404, "enrolment not found"), (400, "invalid daemon_id")] {
        assert_eq!(tries(Reply::error(status, text)).await.0, 1, "{text}");
    }
}

#[tokio::test]
async fn unknown_code_has_remedy() {
    let server = ScriptedServer::replying(Reply::error(404, "enrolment not found")).await;
    let machine = Machine::new();
    let ended = join(&machine, &server, &[]).await;
    let text = "error: enrolment not found\nhelp: ask for another code: `doorbell enrol`; each works once, ";
    assert!(failed(&ended).starts_with(text), "{}", ended.stderr);
    assert_eq!(machine.state("daemon.toml"), None);
}

#[tokio::test]
async fn malformed_code_is_neither_sent_nor_printed() {
    let server = ScriptedServer::replying(Reply::Default).await;
    for code in ["K7QX-4M2N-9TBC-HW5", "", "dbd_secret"] {
        let ended = Machine::new().run(&["join", code, "--url", &server.url()]).await;
        let text = "error: this is not an enrolment code such as K7QX-4M2N-9TBC-HW5R\nhelp: ";
        assert!(ended.code == Some(1) && ended.stderr.starts_with(text), "{}", ended.stderr);
        assert!(!ended.stderr.contains("dbd_secret"), "{}", ended.stderr);
    }
    assert_eq!(server.calls().len(), 0);
}

#[tokio::test]
async fn enrolment_of_other_server_needs_force() {
    let [first, second] = [ScriptedServer::start(redeemed).await, ScriptedServer::start(redeemed).await];
    let machine = Machine::new();
    assert_eq!(join(&machine, &first, &[]).await.code, Some(0));
    let refused = join(&machine, &second, &[]).await;
    let text = format!(
        "error: this machine is enrolled at {}\nhelp: --force replaces that enrolment\n",
        first.url()
    );
    assert_eq!((failed(&refused), second.calls().len()), (text.as_str(), 0));
    assert_eq!(join(&machine, &second, &["--force"]).await.code, Some(0));
    assert!(machine.state("daemon.toml").unwrap().contains(&second.url()));
}

#[tokio::test]
async fn enrolment_of_other_workspace_needs_force() {
    let script = |call: &ScriptedCall| match call.nth {
        0 => Reply::Json(200, json!({"token": "dbd_first", "workspace_id": WORKSPACE_A, "daemon_id": "box"})),
        _ => redeemed(call),
    };
    let server = ScriptedServer::start(script).await;
    let machine = Machine::new();
    assert_eq!(join(&machine, &server, &[]).await.code, Some(0));
    let refused = join(&machine, &server, &[]).await;
    let text = "error: this machine is enrolled in another workspace than that of the code, ";
    assert!(failed(&refused).starts_with(text), "{}", refused.stderr);
    assert!(machine.state("daemon.toml").unwrap().contains("dbd_first"));
    assert_eq!(join(&machine, &server, &["--force"]).await.code, Some(0));
    assert!(machine.state("daemon.toml").unwrap().contains(TOKEN));
}

#[tokio::test]
async fn enrolment_of_same_workspace_is_replaced() {
    let server = ScriptedServer::start(redeemed).await;
    let machine = Machine::new();
    for _ in 0..2 {
        assert_eq!(join(&machine, &server, &[]).await.code, Some(0));
    }
}

#[tokio::test]
async fn running_daemon_keeps_its_token_until_restart() {
    let server = ScriptedServer::start(redeemed).await;
    let machine = Machine::new().with_file("agent", "[]");
    join(&machine, &server, &[]).await;
    let daemon = machine.start(&["daemon", "--file", "agent"]);
    daemon.wait_for_stdout(" online ").await;
    let ended = join(&machine, &server, &[]).await;
    assert_eq!(ended.stderr, "A daemon runs that does not use this enrolment yet: start it again.\n");
}

/// As a service that was installed first.
#[tokio::test]
async fn daemon_without_enrolment_has_to_be_started_again() {
    let server = ScriptedServer::start(redeemed).await;
    let machine = Machine::new().with_file("agent", "[]");
    let url = server.url();
    let options = ["--url", &url, "--token", TOKEN, "--workspace", WORKSPACE_B];
    let daemon = machine.start(&[&["daemon", "--file", "agent"], &options[..]].concat());
    daemon.wait_for_stdout(" online ").await;
    let ended = join(&machine, &server, &[]).await;
    assert_eq!(ended.stderr, "A daemon runs that does not use this enrolment yet: start it again.\n");
}

#[tokio::test]
async fn code_does_not_cross_the_network_unencrypted() {
    let machine = Machine::new();
    let ended = machine.run(&["join", CODE, "--url", "http://doorbell.test"]).await;
    assert!(failed(&ended).contains("would cross the network unencrypted"), "{}", ended.stderr);
}

/// A machine that joined the server at `url`.
fn enrolled(url: &str) -> Machine {
    let text = format!(
        "url = \"{url}\"\nworkspace = \"{WORKSPACE_B}\"\ndaemon_id = \"box\"\ntoken = \"dbd_example\"\n"
    );
    Machine::new().with_file("agent", "[]").with_state("daemon.toml", &text)
}

#[tokio::test]
async fn token_is_not_sent_to_another_server() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let machine = enrolled("https://doorbell.test");
    let daemon = machine.start(&["daemon", "--file", "agent", "--url", &server.url()]);
    daemon.wait_for_stdout(" online ").await;
    let registered = &server.calls_to("/api/daemon/register")[0];
    assert_eq!(registered.authorization, ["Bearer dbd_dev_a"]);
    assert_eq!(registered.body["workspace_id"], WORKSPACE_A);
    assert_ne!(registered.body["daemon_id"], "box");
}

#[tokio::test]
async fn stored_token_of_another_daemon_or_workspace_has_remedy() {
    for (options, bound) in
        [(["--daemon-id", "other"], "daemon id box"), (["--workspace", WORKSPACE_A], "workspace 00000000-")]
    {
        let ended = enrolled("https://doorbell.test").run(&[&["daemon"], &options[..]].concat()).await;
        let text = format!("error: the token that `doorbell join` stored is bound to the {bound}");
        assert!(failed(&ended).starts_with(&text), "{}", ended.stderr);
        assert!(
            ended.stderr.contains(&format!("\nhelp: drop {} (DOORBELL_", options[0])),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test]
async fn enrolment_that_others_can_read_warns() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let machine = enrolled(&server.url());
    let path = machine.state_path("daemon.toml");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let daemon = machine.start(&["daemon", "--file", "agent"]);
    let path = path.display();
    let text = format!("warning: {path} can be read by other users; run: chmod 600 {path}\n");
    daemon.wait_for_stderr(&text).await;
}

#[tokio::test]
async fn malformed_enrolment_has_remedy() {
    let machine = Machine::new().with_state("daemon.toml", "token = dbd_example\n");
    let ended = machine.run(&["daemon"]).await;
    let path = machine.state_path("daemon.toml");
    let text = format!(
        "error: {} is not a file that `doorbell join` wrote\nhelp: remove it; `doorbell join` writes it again\n",
        path.display()
    );
    assert_eq!(failed(&ended), text);
}
