//! `doorbell enrol`: the code, the command of the machine, and the QR code.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::support::api::{ADMIN_A, WORKSPACE_A};
use crate::support::machine::Machine;
use crate::support::terminal;

const CODE: &str = "K7QX-4M2N-9TBC-HW5R";

fn answer() -> Value {
    json!({"code": CODE, "workspace_id": WORKSPACE_A, "expires_at": "2026-11-29T21:30:00.000Z"})
}

async fn server() -> ScriptedServer {
    ScriptedServer::replying(Reply::Json(200, answer())).await
}

#[tokio::test]
async fn prints_code_for_scripts_and_command_for_users() {
    let server = server().await;
    let ended = Machine::new().run(&["enrol", "--url", &server.url()]).await;
    assert_eq!((ended.code, ended.stdout), (Some(0), format!("{CODE}\n")));
    let text = format!(
        "One machine can join the workspace {WORKSPACE_A} with it until 2026-11-29T21:30:00.000Z:\n  \
         doorbell join {CODE} --url {}\n",
        server.url()
    );
    assert_eq!(ended.stderr, text);
}

#[tokio::test]
async fn sends_lifetime_and_subject() {
    let server = server().await;
    let machine = Machine::new();
    machine.run(&["enrol", "--url", &server.url()]).await;
    machine.run(&["enrol", "--url", &server.url(), "--subject", "build 7", "--expires", "1h"]).await;
    let calls = server.calls_to("/api/enrolments");
    let bodies: Vec<_> = calls.iter().map(|call| call.body.clone()).collect();
    let expected = [
        json!({"workspace_id": WORKSPACE_A, "expires_in_s": 600}),
        json!({"workspace_id": WORKSPACE_A, "subject": "build 7", "expires_in_s": 3600}),
    ];
    assert_eq!(bodies, expected);
    assert_eq!(calls[0].authorization, [format!("Bearer {ADMIN_A}")]);
}

#[tokio::test]
async fn json_is_answer_of_api() {
    let server = server().await;
    let ended = Machine::new().run(&["enrol", "--json", "--url", &server.url()]).await;
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap(), answer());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn server_of_login_is_used_without_its_token() {
    let server = server().await;
    let login = format!("url = \"{}\"\ntoken = \"dbu_example\"\n", server.url());
    let machine = Machine::new().with_state("client.toml", &login);
    let ended = machine.run(&["enrol"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(server.calls()[0].authorization, [format!("Bearer {ADMIN_A}")]);
}

/// The margin of a QR code: light modules only.
fn margin(shown: &str) -> Option<&str> {
    shown.lines().find(|line| line.contains(&"█".repeat(30)))
}

async fn shown(machine: Machine, options: &[&str], columns: u16) -> String {
    let server = server().await;
    let command = machine.command(&[&["enrol", "--url", &server.url()], options].concat());
    let (code, shown) = terminal::run(command, columns).await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains(CODE), "{shown}");
    shown
}

#[tokio::test]
async fn terminal_shows_qr_code() {
    let shown = shown(Machine::new(), &[], 80).await;
    assert!(margin(&shown).unwrap().contains("\u{1b}["), "{shown}");
}

#[tokio::test]
async fn no_color_draws_qr_code_without_escapes() {
    let shown = shown(Machine::new().with_env("NO_COLOR", "1"), &[], 80).await;
    assert!(margin(&shown).is_some() && !shown.contains('\u{1b}'), "{shown}");
}

#[tokio::test]
async fn narrow_terminal_or_json_has_no_qr_code() {
    assert_eq!(margin(&shown(Machine::new(), &[], 30).await), None);
    assert_eq!(margin(&shown(Machine::new(), &["--json"], 80).await), None);
}

#[tokio::test]
async fn rejects_lifetime_out_of_range() {
    for time in ["59s", "61m", "10", "soon"] {
        let ended = Machine::new().run(&["enrol", "--expires", time]).await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("not a time of 1m to 1h such as 10m"), "{}", ended.stderr);
    }
}
