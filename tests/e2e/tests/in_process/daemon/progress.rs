//! Reports of progress.

use std::time::Duration;

use doorbell_daemon::report::{self, report_progress};
use doorbell_protocol::Json;
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{REQUEST, api, runtime, seconds};

/// Sends numbers from 0 as progress, one each `interval` for `time`, and returns whether the work was cancelled.
async fn progress(server: &ScriptedServer, interval: Duration, time: Duration) -> bool {
    let path = report::path(runtime("codex"), report::ANY_KIND, REQUEST.parse().unwrap());
    let (sender, receiver) = watch::channel(None);
    let cancel = CancellationToken::new();
    let send = async {
        let mut ticks = tokio::time::interval(interval);
        for number in 0.. {
            ticks.tick().await;
            sender.send_replace(Some(Json::try_from(&Value::from(number)).unwrap()));
        }
    };
    let api = api(server);
    tokio::select! {
        never = report_progress(&api, &path, receiver, &cancel) => match never {},
        () = send => {}
        () = tokio::time::sleep(time) => {}
    }
    cancel.is_cancelled()
}

/// When progress was reported, and which.
fn reported(server: &ScriptedServer) -> Vec<(Duration, Value)> {
    let calls = server.calls().into_iter();
    calls.map(|call| (call.at, call.body["progress"].clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn reports_latest_progress_once_a_second() {
    let server = ScriptedServer::replying(Reply::Default).await;
    assert!(!progress(&server, seconds(0.3), seconds(2.5)).await);
    let expected = [(0.0, 0), (1.0, 3), (2.0, 6)].map(|(at, number)| (seconds(at), json!(number)));
    assert_eq!(reported(&server), expected);
    assert_eq!(server.calls()[0].body, json!({"status": "running", "progress": 0}));
}

#[tokio::test(start_paused = true)]
async fn reports_each_progress_once() {
    let server = ScriptedServer::replying(Reply::Default).await;
    progress(&server, seconds(60.0), seconds(50.0)).await;
    assert_eq!(reported(&server), [(Duration::ZERO, json!(0))]);
}

#[tokio::test(start_paused = true)]
async fn cancelled_request_cancels_work() {
    let server = ScriptedServer::start(|call| match call.nth {
        1 => Reply::Json(200, json!({"status": "ok", "cancelled": true})),
        _ => Reply::Default,
    });
    let server = server.await;
    assert!(progress(&server, seconds(1.0), seconds(20.0)).await);
    assert_eq!(reported(&server).len(), 2, "reported after the cancellation");
}

#[tokio::test(start_paused = true)]
async fn failed_report_of_progress_is_repeated_with_latest() {
    let server = ScriptedServer::start(|call| match call.nth {
        0 => Reply::error(500, "failed to persist progress"),
        1 => Reply::Hang,
        _ => Reply::Default,
    });
    let server = server.await;
    progress(&server, seconds(60.0), seconds(50.0)).await;
    // The second try ends after 5 s.
    let expected = [0.0, 1.0, 6.0].map(|at| (seconds(at), json!(0)));
    assert_eq!(reported(&server), expected);
}

#[tokio::test(start_paused = true)]
async fn refused_progress_is_not_repeated() {
    let server = ScriptedServer::replying(Reply::error(413, "report too large")).await;
    progress(&server, seconds(60.0), seconds(50.0)).await;
    assert_eq!(reported(&server).len(), 1);
}
