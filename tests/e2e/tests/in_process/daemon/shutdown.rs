//! Shutdown: work in progress may end, then the runtimes are deregistered once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorbell_client::{Api, http_client};
use doorbell_daemon::Daemon;
use doorbell_shared::clock::Stopwatch;
use doorbell_test_support::scripted_server::{Reply, ScriptedCall, ScriptedServer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{
    DEREGISTER, HEARTBEAT, REGISTER, REQUEST, ScriptedSource, agent, agents, claims_once, daemon,
    report_path, runtime, seconds, serve_for, serve_until, settings,
};

fn paths(server: &ScriptedServer) -> Vec<String> {
    server.calls().into_iter().map(|call| call.path).collect()
}

#[tokio::test(start_paused = true)]
async fn deregisters_all_runtimes_once() {
    let server = ScriptedServer::replying(Reply::Default).await;
    serve_for(seconds(60.0), &server, settings(), agents(["codex", "opencode", "openai"])).await.unwrap();
    let deregistrations = server.calls_to(DEREGISTER);
    assert_eq!(deregistrations.len(), 1);
    let ids = ["codex", "opencode", "openai"].map(|provider| runtime(provider).to_string());
    assert_eq!(deregistrations[0].body, json!({ "runtime_ids": ids }));
}

#[tokio::test(start_paused = true)]
async fn idle_daemon_stops_at_once() {
    let server = ScriptedServer::replying(Reply::Default).await;
    serve_for(seconds(40.0), &server, settings(), agents(["codex"])).await.unwrap();
    tokio::time::sleep(seconds(60.0)).await;
    let last = server.calls().pop().unwrap();
    assert_eq!((last.path.as_str(), last.at), (DEREGISTER, seconds(40.0)));
}

#[tokio::test(start_paused = true)]
async fn daemon_stopped_before_first_heartbeat_deregisters() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let daemon = daemon(&server, settings(), agents(["codex"]));
    let mut status = daemon.status();
    let stop = CancellationToken::new();
    let running = tokio::spawn(daemon.run(stop.clone()));
    status.wait_for(|status| !status.runtimes.is_empty()).await.unwrap();
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(paths(&server), [REGISTER, DEREGISTER]);
}

/// The server shows the runtimes offline after a while anyway.
#[tokio::test(start_paused = true)]
async fn failed_deregistration_is_no_error() {
    let server =
        ScriptedServer::start(|call| if call.path == DEREGISTER { Reply::Broken } else { Reply::Default });
    let server = server.await;
    serve_for(seconds(20.0), &server, settings(), agents(["codex"])).await.unwrap();
    assert_eq!(server.calls_to(DEREGISTER).len(), 1);
}

/// Serves an agent that takes `duration`, stops as soon as it is asked, and waits for calls after the end.
async fn stopped_at_work(duration: Duration) -> ScriptedServer {
    let server = ScriptedServer::start(claims_once).await;
    let stop = CancellationToken::new();
    let source = ScriptedSource { duration, asked: stop.clone(), ..ScriptedSource::default() };
    serve_until(stop, &server, settings(), vec![agent("codex", source)]).await.unwrap();
    tokio::time::sleep(seconds(60.0)).await;
    server
}

#[tokio::test(start_paused = true)]
async fn reports_work_in_progress_before_deregistration() {
    let server = stopped_at_work(seconds(4.9)).await;
    assert_eq!(paths(&server)[2..], [report_path("codex"), DEREGISTER.to_owned()]);
    let calls = server.calls();
    assert_eq!(calls[3].at - calls[1].at, seconds(4.9));
}

#[tokio::test(start_paused = true)]
async fn abandons_work_after_5_seconds() {
    let server = stopped_at_work(seconds(5.1)).await;
    assert_eq!(paths(&server)[2..], [DEREGISTER]);
    let calls = server.calls();
    assert_eq!(calls[2].at - calls[1].at, seconds(5.0));
}

/// The server, stopped while a heartbeat waits for `reply`.
async fn stopped_at_heartbeat(reply: Reply) -> ScriptedServer {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let server = ScriptedServer::start(move |call| {
        if call.path != HEARTBEAT {
            return Reply::Default;
        }
        stopped.cancel();
        reply.clone()
    });
    let server = server.await;
    serve_until(stop, &server, settings(), agents(["codex"])).await.unwrap();
    server
}

/// No other daemon has the request, so the client would wait for its timeout.
#[tokio::test(start_paused = true)]
async fn answers_request_claimed_during_shutdown() {
    let server = stopped_at_heartbeat(Reply::pending(REQUEST).after(seconds(2.0))).await;
    assert_eq!(paths(&server)[2..], [report_path("codex"), DEREGISTER.to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn abandons_hanging_heartbeat_after_5_seconds() {
    let server = stopped_at_heartbeat(Reply::Hang).await;
    let calls = server.calls();
    assert_eq!(calls[2].path, DEREGISTER);
    assert_eq!(calls[2].at - calls[1].at, seconds(5.0));
}

#[tokio::test(start_paused = true)]
async fn dropped_daemon_leaves_no_tasks() {
    let server = ScriptedServer::start(claims_once).await;
    let source = ScriptedSource::slow(seconds(10.0));
    let asked = source.asked.clone();
    let agents = vec![agent("codex", source)];
    tokio::select! {
        () = asked.cancelled() => {}
        ended = serve_until(CancellationToken::new(), &server, settings(), agents) => panic!("{ended:?}"),
    }
    tokio::time::sleep(seconds(60.0)).await;
    assert_eq!(server.calls().last().unwrap().path, HEARTBEAT);
}

/// How long a daemon takes to end that is stopped after `before`, at a server that answers from the script.
async fn end_of_stopped(
    before: Duration,
    script: impl Fn(&ScriptedCall) -> Reply + Send + Sync + 'static,
) -> (Duration, ScriptedServer) {
    let server = ScriptedServer::start(script).await;
    let daemon = daemon(&server, settings(), agents(["codex"]));
    let stop = CancellationToken::new();
    let running = tokio::spawn(daemon.run(stop.clone()));
    tokio::time::sleep(before).await;
    stop.cancel();
    let watch = Stopwatch::start();
    running.await.unwrap().unwrap();
    (watch.elapsed(), server)
}

#[tokio::test(start_paused = true)]
async fn hanging_deregistration_is_given_up_after_3_seconds() {
    let hangs = |call: &ScriptedCall| if call.path == DEREGISTER { Reply::Hang } else { Reply::Default };
    let (took, _) = end_of_stopped(seconds(20.0), hangs).await;
    assert_eq!(took, seconds(3.0));
}

/// The worst case: a heartbeat that hangs, then a deregistration that hangs.
#[tokio::test(start_paused = true)]
async fn server_that_hangs_delays_the_end_by_8_seconds() {
    let hangs = |call: &ScriptedCall| if call.path == REGISTER { Reply::Default } else { Reply::Hang };
    let (took, server) = end_of_stopped(seconds(15.1), hangs).await;
    let heartbeat = server.calls_to(HEARTBEAT)[0].at;
    // A heartbeat that was sent less than 5 s before the stop is waited for until 5 s after it.
    let waits = heartbeat + seconds(10.0) > seconds(15.1);
    assert!(took <= seconds(8.01) && (!waits || took > seconds(3.0)), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn registration_in_retry_ends_at_once() {
    for reply in [Reply::error(503, "server is busy"), Reply::Hang, Reply::Broken, Reply::html(403)] {
        // A call that hangs is in flight.
        let (took, server) = end_of_stopped(seconds(5.0), move |_| reply.clone()).await;
        assert_eq!(took, Duration::ZERO);
        assert_eq!(server.calls_to(DEREGISTER).len(), 0, "never registered");
    }
}

#[tokio::test(start_paused = true)]
async fn report_in_retry_is_given_up_after_5_seconds() {
    let script = |call: &ScriptedCall| {
        if call.path.ends_with("/result") { Reply::Hang } else { claims_once(call) }
    };
    let (took, server) = end_of_stopped(seconds(16.0), script).await;
    assert!(took <= seconds(5.0), "{took:?}");
    assert_eq!(server.calls_to(DEREGISTER).len(), 1);
}

/// In real time: the server sends a byte every 0.1 s, or gigabytes, for as long as the connection lives.
async fn end_of_stopped_at(body: &'static [u8], pause: Duration) -> (Duration, u64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let sent = Arc::clone(&counter);
            tokio::spawn(async move {
                stream.read_buf(&mut Vec::with_capacity(4096)).await?;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2000000000\r\n\r\n").await?;
                loop {
                    stream.write_all(body).await?;
                    sent.fetch_add(body.len() as u64, Ordering::Relaxed);
                    tokio::time::sleep(pause).await;
                }
                #[expect(unreachable_code, reason = "the type of the task")]
                std::io::Result::Ok(())
            });
        }
    });
    let api = Api::new(http_client().unwrap(), url.parse().unwrap(), "dbd_example");
    let daemon = Daemon::new(api, settings(), watch::channel(agents(["codex"])).1);
    let stop = CancellationToken::new();
    let running = tokio::spawn(daemon.run(stop.clone()));
    tokio::time::sleep(seconds(0.5)).await;
    stop.cancel();
    let watch = Stopwatch::start();
    running.await.unwrap().unwrap();
    (watch.elapsed(), sent.load(Ordering::Relaxed))
}

#[tokio::test]
async fn dripping_server_delays_no_end() {
    let (took, _) = end_of_stopped_at(b"x", seconds(0.1)).await;
    assert!(took < seconds(2.0), "{took:?}");
}

/// The rest of the answer is not read: of each of the few tries, 8 MiB and what the sockets buffer.
#[tokio::test]
async fn answer_of_2_gb_is_not_read() {
    let (took, sent) = end_of_stopped_at(&[b'x'; 65_536], Duration::ZERO).await;
    assert!(took < seconds(2.0), "{took:?}");
    assert!(sent < 200 << 20, "{sent} bytes");
}
