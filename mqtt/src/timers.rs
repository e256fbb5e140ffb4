//! The timers of one connection, on tokio's clock, which tests can pause.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use mqtt_protocol_core::mqtt::connection::TimerKind;
use tokio::time::{Sleep, sleep};

const KINDS: [TimerKind; 3] = [TimerKind::PingreqSend, TimerKind::PingreqRecv, TimerKind::PingrespRecv];

#[derive(Default)]
pub(crate) struct Timers([Option<Pin<Box<Sleep>>>; KINDS.len()]);

impl Timers {
    pub(crate) fn start(&mut self, kind: TimerKind, duration: Duration) {
        self.0[slot(kind)] = Some(Box::pin(sleep(duration)));
    }

    pub(crate) fn cancel(&mut self, kind: TimerKind) {
        self.0[slot(kind)] = None;
    }

    pub(crate) fn runs(&self, kind: TimerKind) -> bool {
        self.0[slot(kind)].is_some()
    }

    /// The next timer to fire. Pending while none runs.
    pub(crate) async fn fired(&mut self) -> TimerKind {
        poll_fn(|context| {
            for kind in KINDS {
                let timer = &mut self.0[slot(kind)];
                if timer.as_mut().is_some_and(|sleep| sleep.as_mut().poll(context).is_ready()) {
                    *timer = None;
                    return Poll::Ready(kind);
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn slot(kind: TimerKind) -> usize {
    match kind {
        TimerKind::PingreqSend => 0,
        TimerKind::PingreqRecv => 1,
        TimerKind::PingrespRecv => 2,
    }
}
