//! The machine was asleep, or its clock has jumped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{REGISTER, agents, daemon, heartbeat_times, seconds, settings, virtual_clock};

/// A machine's clock that can be set forward.
#[derive(Clone, Default)]
pub(crate) struct JumpingClock(Arc<AtomicU64>);

impl JumpingClock {
    pub(crate) fn jump(&self, time: Duration) {
        self.0.fetch_add(time.as_millis().try_into().unwrap(), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> impl Fn() -> Option<Timestamp> + Send + Sync + 'static {
        let jumped = Arc::clone(&self.0);
        let running = virtual_clock();
        move || Some(running()? + Duration::from_millis(jumped.load(Ordering::Relaxed)))
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeat_follows_resume_within_seconds() {
    let server = ScriptedServer::replying(Reply::Default).await;
    let clock = JumpingClock::default();
    let daemon = daemon(&server, settings(), agents(["codex"])).with_wall_clock(clock.read());
    tokio::spawn(daemon.run(CancellationToken::new()));
    tokio::time::sleep(seconds(40.0)).await;
    let heartbeats = heartbeat_times(&server).len();
    while heartbeat_times(&server).len() == heartbeats {
        tokio::time::sleep(seconds(0.1)).await;
    }
    clock.jump(seconds(3_600.0));
    tokio::time::sleep(seconds(30.0)).await;
    let times = heartbeat_times(&server);
    // Without the jump 15 s. The clocks are compared every 5 s.
    let wait = times[heartbeats + 1] - times[heartbeats];
    assert!(wait < seconds(5.2), "{times:?}");
}

/// The network is another one, or the clock is right at last and the server's certificate valid.
#[tokio::test(start_paused = true)]
async fn registration_is_tried_at_resume() {
    let server = ScriptedServer::start(|call| match call.path.as_str() {
        REGISTER if call.nth == 0 => Reply::RateLimited(3_000),
        _ => Reply::Default,
    });
    let server = server.await;
    let clock = JumpingClock::default();
    let daemon = daemon(&server, settings(), agents(["codex"])).with_wall_clock(clock.read());
    tokio::spawn(daemon.run(CancellationToken::new()));
    tokio::time::sleep(seconds(100.0)).await;
    clock.jump(seconds(3_600.0));
    tokio::time::sleep(seconds(5.1)).await;
    assert_eq!(server.calls_to(REGISTER).len(), 2);
}
