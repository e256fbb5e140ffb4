//! Failed heartbeats, which a daemon survives, and rejected tokens.

use std::time::Duration;

use doorbell_daemon::{Connection, DaemonStatus, Settings, Stopped};
use doorbell_test_support::log::CapturedLog;
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{
    DEREGISTER, HEARTBEAT, REGISTER, agents, daemon, heartbeat_times, seconds, serve_for, settings,
};

async fn answering_heartbeats(reply: Reply) -> ScriptedServer {
    ScriptedServer::start(move |call| if call.path == HEARTBEAT { reply.clone() } else { Reply::Default })
        .await
}

async fn assert_survives(reply: Reply) {
    let server = answering_heartbeats(reply.clone()).await;
    serve_for(seconds(60.0), &server, settings(), agents(["codex"])).await.unwrap();
    assert!(heartbeat_times(&server).len() >= 3, "no more heartbeats after {reply:?}");
    assert_eq!(server.calls_to(REGISTER).len(), 1, "reregistered after {reply:?}");
    assert_eq!(server.calls_to(DEREGISTER).len(), 1, "not deregistered after {reply:?}");
}

#[tokio::test(start_paused = true)]
async fn survives_faults_and_refusals_of_heartbeats() {
    assert_survives(Reply::error(500, "heartbeat failed")).await;
    assert_survives(Reply::error(429, "slow down")).await;
    assert_survives(Reply::error(400, "invalid runtime_id")).await;
    assert_survives(Reply::Broken).await;
}

/// A proxy without its server, or a wrong path: Doorbell has not lost the runtime.
#[tokio::test(start_paused = true)]
async fn survives_pages_of_other_servers() {
    assert_survives(Reply::html(200)).await;
    assert_survives(Reply::html(404)).await;
}

/// Reregistration would not help.
#[tokio::test(start_paused = true)]
async fn survives_foreign_and_failed_runtime() {
    for status in ["foreign", "failed"] {
        assert_survives(Reply::Heartbeat(json!({ "status": status }))).await;
    }
}

#[tokio::test(start_paused = true)]
async fn foreign_runtime_is_shown() {
    let reply = Reply::Heartbeat(json!({ "status": "foreign" }));
    let (_server, running) = rejected_until(seconds(600.0), reply, settings()).await;
    tokio::time::sleep(seconds(60.0)).await;
    let Connection::Retrying { reason } = running.connection() else { panic!("{:?}", running.connection()) };
    assert!(reason.starts_with("a runtime belongs to another workspace or daemon"), "{reason}");
    tokio::time::sleep(seconds(600.0)).await;
    assert_eq!(running.connection(), Connection::Online);
}

fn rejection() -> Reply {
    Reply::error(401, "a valid bearer token is required")
}

/// A daemon whose heartbeats, and registrations but the first, are answered with `reply` until `healed`.
async fn rejected_until(healed: Duration, reply: Reply, settings: Settings) -> (ScriptedServer, Running) {
    let server = ScriptedServer::start(move |call| match call.path.as_str() {
        REGISTER if call.nth == 0 => Reply::Default,
        HEARTBEAT | REGISTER if call.at < healed => reply.clone(),
        _ => Reply::Default,
    });
    let server = server.await;
    let daemon = daemon(&server, settings, agents(["codex"]));
    let status = daemon.status();
    let stop = CancellationToken::new();
    let ended = tokio::spawn(daemon.run(stop.clone()));
    (server, Running { status, stop, ended })
}

struct Running {
    status: watch::Receiver<DaemonStatus>,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), Stopped>>,
}

impl Running {
    fn connection(&self) -> Connection {
        self.status.borrow().connection.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn rejected_token_is_certain_after_two_minutes() {
    for (status, text, reason) in [
        (401, "a valid bearer token is required", "a valid bearer token is required (check the token)"),
        (
            403,
            "the token lacks the scope \"daemon\"",
            "the token lacks the scope \"daemon\" (use a token with the scope daemon)",
        ),
    ] {
        let (server, running) =
            rejected_until(seconds(3_600.0), Reply::error(status, text), settings()).await;
        tokio::time::sleep(seconds(119.0)).await;
        assert_eq!(running.connection(), Connection::Retrying { reason: reason.to_owned() });
        tokio::time::sleep(seconds(45.0)).await;
        assert_eq!(running.connection(), Connection::TokenRejected);
        let heartbeats = heartbeat_times(&server).len();
        tokio::time::sleep(seconds(3_000.0)).await;
        let later = heartbeat_times(&server).len() - heartbeats;
        assert!((10..=11).contains(&later), "{later} tries in 50 minutes");
        assert!(!running.ended.is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn rejected_daemon_goes_on_when_the_token_is_accepted() {
    let healed = seconds(1_000.0);
    let (server, running) = rejected_until(healed, rejection(), settings()).await;
    tokio::time::sleep(healed + seconds(301.0)).await;
    assert_eq!(running.connection(), Connection::Online);
    let heartbeats = heartbeat_times(&server).len();
    tokio::time::sleep(seconds(60.0)).await;
    assert_eq!(heartbeat_times(&server).len() - heartbeats, 4, "not every 15 s again");
}

#[tokio::test(start_paused = true)]
async fn short_rejection_is_survived() {
    let healed = seconds(110.0);
    let (server, running) = rejected_until(healed, rejection(), settings()).await;
    tokio::time::sleep(healed + Settings::INTERVAL).await;
    assert_eq!(running.connection(), Connection::Online);
    assert!(heartbeat_times(&server).len() >= 7, "{:?}", heartbeat_times(&server));
}

/// Of a captive portal, a firewall, and of API Gateway itself.
#[tokio::test(start_paused = true)]
async fn pages_with_401_or_403_are_not_about_the_token() {
    for reply in [Reply::html(401), Reply::html(403), Reply::Json(401, json!({"message": "Unauthorized"}))] {
        let settings = Settings { exit_on_auth_failure: true, ..settings() };
        let (server, running) = rejected_until(seconds(3_600.0), reply, settings).await;
        tokio::time::sleep(seconds(1_200.0)).await;
        let shown = running.connection();
        assert!(matches!(shown, Connection::Retrying { .. }), "{shown:?}");
        assert!(heartbeat_times(&server).len() >= 79, "{}", heartbeat_times(&server).len());
    }
}

#[tokio::test(start_paused = true)]
async fn supervised_daemon_ends_with_a_rejected_token() {
    let settings = Settings { exit_on_auth_failure: true, ..settings() };
    let (server, running) = rejected_until(seconds(3_600.0), rejection(), settings).await;
    let ended = running.ended.await.unwrap();
    let reason = "a valid bearer token is required (check the token)".to_owned();
    assert_eq!(ended, Err(Stopped::TokenRejected { reason }));
    assert!(running.stop.is_cancelled(), "`doorbell dev` waits for the stop, and then prints the error");
    let heartbeats = heartbeat_times(&server);
    let lasted = *heartbeats.last().unwrap() - heartbeats[0];
    assert!((seconds(120.0)..seconds(136.0)).contains(&lasted), "{lasted:?}");
    assert_eq!(server.calls_to(DEREGISTER).len(), 0, "it would be refused as well");
}

/// A daemon that was never registered.
#[tokio::test(start_paused = true)]
async fn token_that_never_was_accepted_is_rejected() {
    let server = ScriptedServer::replying(rejection()).await;
    let daemon = daemon(&server, settings(), agents(["codex"]));
    let status = daemon.status();
    let _running = tokio::spawn(daemon.run(CancellationToken::new()));
    tokio::time::sleep(seconds(240.0)).await;
    assert_eq!(status.borrow().connection, Connection::TokenRejected);
    let tries = server.calls_to(REGISTER).len();
    tokio::time::sleep(seconds(3_000.0)).await;
    let later = server.calls_to(REGISTER).len() - tries;
    assert!((10..=12).contains(&later), "{later} tries in 50 minutes");
}

#[tokio::test(start_paused = true)]
async fn rejected_token_is_logged_once() {
    let (log, _guard) = CapturedLog::capture();
    let (_server, _running) = rejected_until(seconds(3_600.0), rejection(), settings()).await;
    tokio::time::sleep(seconds(3_000.0)).await;
    let lines = log
        .lines("the server rejects the token: replace it and start the daemon again; trying every 5 minutes");
    assert_eq!(lines.len(), 1);
}

/// The server's text could hold the terminal's control characters, or fill the disk.
#[tokio::test(start_paused = true)]
async fn text_of_server_is_clean_in_status() {
    let text = format!("\u{1b}[31m\u{202e}no\n{}", "x".repeat(5_000));
    let (_server, running) = rejected_until(seconds(60.0), Reply::error(500, &text), settings()).await;
    tokio::time::sleep(seconds(20.0)).await;
    let Connection::Retrying { reason } = running.connection() else { panic!("{:?}", running.connection()) };
    assert_eq!((reason.chars().count(), &reason[..10]), (200, " [31m no x"));
}
