//! Where a heartbeat's time went. Logged only when there was much of it: heartbeats are most of all calls.

use doorbell_shared::clock::Stopwatch;
use doorbell_shared::id::RuntimeId;
use doorbell_shared::limits::{SLOW_HEARTBEAT, SLOW_STORE};

/// Milliseconds by phase. The names in the log are the original's.
#[derive(Debug)]
pub(crate) struct Timings {
    whole: Stopwatch,
    phase: Stopwatch,
    auth_ms: u64,
    update_ms: u64,
    probe_model_ms: u64,
    pop_model_ms: u64,
    probe_model_timed_out: bool,
}

impl Timings {
    pub(crate) fn start() -> Self {
        let now = Stopwatch::start();
        Self {
            whole: now,
            phase: now,
            auth_ms: 0,
            update_ms: 0,
            probe_model_ms: 0,
            pop_model_ms: 0,
            probe_model_timed_out: false,
        }
    }

    pub(crate) fn authenticated(&mut self) {
        self.auth_ms = self.end_phase();
    }

    pub(crate) fn updated(&mut self) {
        self.update_ms = self.end_phase();
    }

    /// Whether a look and a claim would still end in time.
    pub(crate) fn has_time_for_work(&self) -> bool {
        self.whole.elapsed() <= SLOW_STORE
    }

    pub(crate) fn looked(&mut self) {
        self.probe_model_ms = self.end_phase();
    }

    pub(crate) fn look_timed_out(&mut self) {
        self.probe_model_timed_out = true;
    }

    pub(crate) fn claimed(&mut self) {
        self.pop_model_ms = self.end_phase();
    }

    fn end_phase(&mut self) -> u64 {
        let elapsed = self.phase.elapsed_ms();
        self.phase = Stopwatch::start();
        elapsed
    }

    pub(crate) fn log_if_slow(&self, runtime: RuntimeId) {
        if self.whole.elapsed() < SLOW_HEARTBEAT {
            return;
        }
        tracing::warn!(
            runtime_id = %runtime,
            total_ms = self.whole.elapsed_ms(),
            auth_ms = self.auth_ms,
            update_ms = self.update_ms,
            probe_model_ms = self.probe_model_ms,
            pop_model_ms = self.pop_model_ms,
            probe_model_timed_out = self.probe_model_timed_out,
            "slow heartbeat"
        );
    }
}
