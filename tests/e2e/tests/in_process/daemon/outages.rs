//! A daemon that is started while nothing works: it is registered and answers again soon after the fault is over.

use std::time::Duration;

use doorbell_daemon::{Connection, DaemonStatus};
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{HEARTBEAT, REGISTER, REQUEST, agents, daemon, report_path, seconds, settings};

/// The longest wait between two registrations, and a call that hangs.
const FOUND_WITHIN: Duration = Duration::from_secs(60 + 10);

/// Long enough for the longest waits.
const OUTAGE: Duration = Duration::from_secs(600);

/// The times of a recovery, since the end of the fault.
struct Recovery {
    registered: Duration,
    answered: Duration,
    tries: usize,
    shown: String,
}

async fn wait_for(status: &mut watch::Receiver<DaemonStatus>, connection: Connection) {
    status.wait_for(|status| status.connection == connection).await.unwrap();
}

/// Starts a daemon at `server`, whose fault ends after [`OUTAGE`]. Its second heartbeat then claims a request.
async fn recovery(server: ScriptedServer) -> Recovery {
    let daemon = daemon(&server, settings(), agents(["codex"]));
    let mut status = daemon.status();
    let running = tokio::spawn(daemon.run(CancellationToken::new()));
    tokio::time::sleep(OUTAGE - seconds(1.0)).await;
    let Connection::Retrying { reason: shown } = status.borrow().connection.clone() else {
        panic!("{:?}", status.borrow().connection)
    };
    let tries = server.begun().len();
    wait_for(&mut status, Connection::Online).await;
    let answered = async {
        while server.calls_to(&report_path("codex")).is_empty() {
            tokio::time::sleep(seconds(0.1)).await;
        }
    };
    tokio::time::timeout(seconds(60.0), answered).await.expect("no report");
    assert!(!running.is_finished());
    let last = |path: &str| server.calls_to(path).last().unwrap().at - OUTAGE;
    Recovery { registered: last(REGISTER), answered: last(&report_path("codex")), tries, shown }
}

/// Prints the times, and checks them.
fn assert_recovered(case: &str, recovery: &Recovery) {
    let Recovery { registered, answered, tries, shown } = recovery;
    println!(
        "{case}: registered {:.1} s and answered {:.1} s after the end, {tries} tries in {} s; \"{shown}\"",
        registered.as_secs_f64(),
        answered.as_secs_f64(),
        OUTAGE.as_secs()
    );
    assert!(*registered <= FOUND_WITHIN, "{case}: {registered:?}");
    assert!(*answered <= *registered + seconds(30.0), "{case}: {answered:?}");
    // At full jitter, about 25.
    assert!((8..=80).contains(tries), "{case}: {tries} tries");
}

fn healed(call: &ScriptedCall) -> Reply {
    match call.path.as_str() {
        HEARTBEAT if call.nth == 1 => Reply::pending(REQUEST),
        _ => Reply::Default,
    }
}

async fn recovers_from(case: &str, reply: Reply) {
    let server =
        ScriptedServer::start(move |call| if call.at < OUTAGE { reply.clone() } else { healed(call) });
    assert_recovered(case, &recovery(server.await).await);
}

/// The script's heartbeats are counted from the first, so those of the fault are none: only registrations are tried.
#[tokio::test(start_paused = true)]
async fn recovers_from_errors_of_servers() {
    recovers_from("503", Reply::error(503, "server is busy")).await;
    recovers_from("500", Reply::error(500, "failed to register")).await;
    recovers_from("broken connections", Reply::Broken).await;
}

#[tokio::test(start_paused = true)]
async fn recovers_from_pages_of_other_servers() {
    recovers_from("403 HTML", Reply::html(403)).await;
    recovers_from("401 HTML", Reply::html(401)).await;
    recovers_from("404 HTML", Reply::html(404)).await;
    recovers_from("200 HTML", Reply::html(200)).await;
    recovers_from("redirect to a portal", Reply::Redirect("http://portal.example/".to_owned())).await;
}

#[tokio::test(start_paused = true)]
async fn recovers_from_garbage() {
    recovers_from("empty body", Reply::Bytes(200, Vec::new())).await;
    recovers_from("other JSON", Reply::Bytes(200, b"{\"runtimes\": 7}".to_vec())).await;
    let nothing = br#"{"runtimes": [], "repos": [], "repos_version": "", "settings": {}}"#;
    recovers_from("no runtimes", Reply::Bytes(200, nothing.to_vec())).await;
    recovers_from("bytes", Reply::Bytes(200, vec![0xff; 100_000])).await;
    recovers_from("gzip", Reply::Bytes(200, vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0])).await;
}

#[tokio::test(start_paused = true)]
async fn recovers_from_hanging_server() {
    recovers_from("hanging", Reply::Hang).await;
}

/// Of connections and of the search of the host name.
#[tokio::test(start_paused = true)]
async fn recovers_without_network() {
    for (case, fault) in [
        ("connection refused", std::io::ErrorKind::ConnectionRefused),
        ("no such host", std::io::ErrorKind::NotFound),
    ] {
        let server = ScriptedServer::start(healed).await.unreachable_for(OUTAGE, fault);
        assert_recovered(case, &recovery(server).await);
    }
}

/// It is shown as rejected, and tried every five minutes.
#[tokio::test(start_paused = true)]
async fn recovers_from_rejected_token() {
    let rejection = Reply::error(401, "a valid bearer token is required");
    let server =
        ScriptedServer::start(move |call| if call.at < OUTAGE { rejection.clone() } else { healed(call) });
    let server = server.await;
    let daemon = daemon(&server, settings(), agents(["codex"]));
    let mut status = daemon.status();
    let _running = tokio::spawn(daemon.run(CancellationToken::new()));
    wait_for(&mut status, Connection::TokenRejected).await;
    wait_for(&mut status, Connection::Online).await;
    let registered = server.calls_to(REGISTER).last().unwrap().at - OUTAGE;
    println!("401 JSON: registered {:.1} s after the end", registered.as_secs_f64());
    assert!(registered <= seconds(300.0), "{registered:?}");
}
