//! The load: workers that send heartbeats and report, and clients that ring at a constant rate and poll.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorbell_client::{Api, ClientError};
use doorbell_protocol::{Ack, HeartbeatResponse, RequestId, RequestRecord, RuntimeId, Status};
use doorbell_shared::clock::Stopwatch;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::statistics::{Operation, Recorder, Summary};
use crate::arguments::Bench;

/// Every request for models ends within 90 s of its ring: 30 s pending, 60 s running.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(100);

/// The pause of a worker after an unanswered call. Without it, an unreachable server causes a busy loop.
const UNREACHABLE_PAUSE: Duration = Duration::from_millis(100);

/// The fractional parts of its multiples are spread evenly, for any number of them.
const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;

pub(super) struct Load {
    daemon: Api,
    user: Api,
    runtimes: Vec<RuntimeId>,
    report: Value,
    concurrency: usize,
    interval: Option<Duration>,
    duration: Duration,
    ring_rate: f64,
    poll_interval: Duration,
    max_heartbeats: u64,
    recorded_heartbeats: AtomicU64,
    recorder: Recorder,
    watch: Stopwatch,
    /// The time of each claim, for the ring that waits for it.
    claims: Mutex<HashMap<RequestId, Duration>>,
    /// Cancelled at the end of the measurement. Unrecorded heartbeats go on until the last ring has ended.
    measured: CancellationToken,
}

impl Load {
    pub(super) fn new(
        daemon: Api,
        user: Api,
        runtimes: Vec<RuntimeId>,
        arguments: &Bench,
        report: Value,
    ) -> Arc<Self> {
        Arc::new(Self {
            daemon,
            user,
            runtimes,
            report,
            concurrency: arguments.concurrency.into(),
            interval: arguments.interval,
            duration: arguments.duration,
            ring_rate: arguments.ring_rate,
            poll_interval: arguments.poll_interval,
            max_heartbeats: arguments.heartbeats.unwrap_or(u64::MAX),
            recorded_heartbeats: AtomicU64::new(0),
            recorder: Recorder::default(),
            watch: Stopwatch::start(),
            claims: Mutex::default(),
            measured: CancellationToken::new(),
        })
    }

    async fn timed<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Option<T> {
        let watch = Stopwatch::start();
        let result = call.await;
        if operation == Operation::Heartbeat && !self.counts_next_heartbeat() {
            return result.ok();
        }
        match result {
            Ok(value) => {
                self.recorder.success(operation, watch.elapsed());
                Some(value)
            }
            Err(error) => {
                self.recorder.error(operation, &error);
                if matches!(error, ClientError::Unreachable { .. }) {
                    sleep(UNREACHABLE_PAUSE).await;
                }
                None
            }
        }
    }

    fn counts_next_heartbeat(&self) -> bool {
        if self.measured.is_cancelled() {
            return false;
        }
        let number = self.recorded_heartbeats.fetch_add(1, Ordering::Relaxed) + 1;
        if number >= self.max_heartbeats {
            self.measured.cancel();
        }
        number <= self.max_heartbeats
    }

    async fn heartbeat(&self, runtime: RuntimeId) {
        let body = json!({"runtime_id": runtime, "in_flight": []});
        let call = self.daemon.post::<HeartbeatResponse>("/api/daemon/heartbeat", &body);
        let response = self.timed(Operation::Heartbeat, call).await;
        let Some(id) = response.and_then(|response| response.claimed.values().next().map(|it| it.id)) else {
            return;
        };
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).insert(id, self.watch.elapsed());
        let path = format!("/api/daemon/runtimes/{runtime}/models/{id}/result");
        self.timed(Operation::Report, self.daemon.post::<Ack>(&path, &self.report)).await;
    }

    /// Returns `None`, without a sample, if a call fails: clients stop at the first error.
    async fn ring(&self, runtime: RuntimeId) -> Option<()> {
        let rung_at = self.watch.elapsed();
        let path = format!("/api/runtimes/{runtime}/models");
        // Past the catalog: what is measured is the way through the daemon.
        let ring = format!("{path}?refresh=true");
        let mut record: RequestRecord = self.timed(Operation::Initiate, self.user.post(&ring, &())).await?;
        while !record.status.is_terminal() {
            sleep(self.poll_interval).await;
            record = self.timed(Operation::Poll, self.user.get(&format!("{path}/{}", record.id))).await?;
        }
        if let Some(claimed_at) =
            self.claims.lock().unwrap_or_else(PoisonError::into_inner).remove(&record.id)
        {
            self.recorder.success(Operation::RingToClaim, claimed_at.saturating_sub(rung_at));
        }
        match record.status {
            Status::Completed => {
                self.recorder.success(Operation::RingToAnswer, self.watch.elapsed().saturating_sub(rung_at));
            }
            status => self.recorder.failure(Operation::RingToAnswer, status.as_str()),
        }
        Some(())
    }
}

/// Runs until the duration or the number of heartbeats is reached and all rings have ended, or until `stop`.
pub(super) async fn run(load: &Arc<Load>, stop: &CancellationToken) -> Summary {
    let drained = CancellationToken::new();
    let mut workers = JoinSet::new();
    for worker in 0..load.concurrency {
        workers.spawn(send_heartbeats(Arc::clone(load), worker, drained.clone()));
    }
    workers.spawn(show_progress(Arc::clone(load), drained.clone()));
    let mut rings = JoinSet::new();
    let measuring = timeout(load.duration, load.measured.run_until_cancelled(send_rings(load, &mut rings)));
    let _ = stop.run_until_cancelled(measuring).await;
    load.measured.cancel();
    let measured_for = load.watch.elapsed();
    let draining = timeout(DRAIN_TIMEOUT, async { while rings.join_next().await.is_some() {} });
    let _ = stop.run_until_cancelled(draining).await;
    rings.shutdown().await;
    drained.cancel();
    while workers.join_next().await.is_some() {}
    load.recorder.summary(measured_for, load.runtimes.len(), load.concurrency)
}

/// With an interval, the heartbeats of all runtimes are spread evenly over it.
async fn send_heartbeats(load: Arc<Load>, worker: usize, stop: CancellationToken) {
    let count = load.runtimes.len();
    for turn in (worker..).step_by(load.concurrency) {
        if let Some(interval) = load.interval {
            let due = interval.mul_f64(turn as f64 / count as f64);
            stop.run_until_cancelled(sleep(due.saturating_sub(load.watch.elapsed()))).await;
        }
        if stop.is_cancelled() {
            return;
        }
        load.heartbeat(load.runtimes[turn % count]).await;
    }
}

/// Rings in another order than the heartbeats; otherwise every ring would wait equally long.
async fn send_rings(load: &Arc<Load>, rings: &mut JoinSet<Option<()>>) {
    if load.ring_rate == 0.0 {
        std::future::pending::<()>().await;
    }
    for number in 0_u32.. {
        let due = Duration::from_secs_f64(f64::from(number) / load.ring_rate);
        sleep(due.saturating_sub(load.watch.elapsed())).await;
        let place = (f64::from(number) * GOLDEN_RATIO).fract() * load.runtimes.len() as f64;
        let runtime = load.runtimes[place as usize % load.runtimes.len()];
        let load = Arc::clone(load);
        rings.spawn(async move { load.ring(runtime).await });
    }
}

/// Draws on standard error, if that is a terminal.
async fn show_progress(load: Arc<Load>, stop: CancellationToken) {
    let bar = ProgressBar::new(load.duration.as_secs());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} s, {msg}") {
        bar.set_style(style);
    }
    while !stop.is_cancelled() {
        bar.set_position(load.watch.elapsed().as_secs().min(load.duration.as_secs()));
        let heartbeats = load.recorded_heartbeats.load(Ordering::Relaxed);
        let state = if load.measured.is_cancelled() { ", waiting for open rings" } else { "" };
        bar.set_message(format!("{heartbeats} heartbeats{state}"));
        stop.run_until_cancelled(sleep(Duration::from_millis(200))).await;
    }
    bar.finish_and_clear();
}
