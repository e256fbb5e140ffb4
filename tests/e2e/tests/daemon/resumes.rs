//! The machine was asleep, or its clock has jumped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use doorbell_protocol::Timestamp;
use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use tokio_util::sync::CancellationToken;

use crate::fixtures::{REGISTER, agents, daemon, heartbeat_times, seconds, settings, virtual_clock};

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
    let last = *heartbeat_times(&server).last().unwrap();
    // The next one is 15 s later, and the clocks are compared every 5 s.
    let asleep_at = last + seconds(1.0);
    tokio::time::sleep(asleep_at.saturating_sub(seconds(40.0))).await;
    clock.jump(seconds(3_600.0));
    tokio::time::sleep(seconds(30.0)).await;
    let after: Vec<_> = heartbeat_times(&server).into_iter().filter(|at| *at > last).collect();
    assert!(after[0] - last < seconds(15.0), "{after:?}");
    let resumed = seconds(45.0);
    assert!(after.iter().any(|at| resumed <= *at && *at < resumed + seconds(5.01)), "{after:?}");
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
