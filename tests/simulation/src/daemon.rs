//! A stand-in for `doorbell_daemon`, which needs sockets: register, heartbeat, work and report with the real intervals.
//!
//! A daemon crashes at any moment and restarts without memory, while its calls go on. A simulation is shorter than the
//! retention of runtimes, so the stand-in never has to register again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorbell_client::TIMEOUT;
use doorbell_daemon::Settings;
use doorbell_daemon::report::{BACKOFF, TRY_TIMEOUT};
use doorbell_protocol::{RequestId, RuntimeId};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::context::{Context, SharedStore};
use crate::history::{FaultKind, Process};
use crate::operation::{Caller, Operation, WorkResult};
use crate::plan::{DaemonPlan, FAST};

pub(crate) struct Daemon<S> {
    pub(crate) context: Arc<Context<S>>,
    pub(crate) name: &'static str,
    pub(crate) plan: DaemonPlan,
    pub(crate) runtime: RuntimeId,
}

type InFlight = Arc<Mutex<BTreeSet<RequestId>>>;

impl<S: SharedStore> Daemon<S> {
    /// Crashes and restarts forever.
    pub(crate) async fn run(self: Arc<Self>) {
        let environment = &self.context.environment;
        loop {
            let lifetime = if self.plan.crashes { environment.rng.number(500..60_000) } else { 3_600_000 };
            let from = environment.clock.elapsed_ms();
            let process =
                Process { runtime: self.runtime, plan: self.plan, from, to: from.saturating_add(lifetime) };
            environment.history().processes.push(process);
            tokio::time::timeout(Duration::from_millis(lifetime), self.process()).await.ok();
            environment.record_fault(FaultKind::DaemonCrashed);
            environment.sleep(100..20_000).await;
        }
    }

    async fn process(self: &Arc<Self>) {
        while !self.register().await {
            self.context.environment.sleep(1_000..3_000).await;
        }
        let mut work = JoinSet::new();
        let in_flight = InFlight::default();
        self.context.environment.sleep(0..15_000).await;
        let mut heartbeats = tokio::time::interval(Settings::INTERVAL);
        heartbeats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                // First, because the heartbeat lists what is in flight.
                Some(_) = work.join_next() => continue,
                _ = heartbeats.tick() => {}
            }
            let Some(request) = self.heartbeat(&in_flight).await else { continue };
            if in_flight.lock().unwrap().insert(request) || !self.plan.tracks {
                work.spawn(Arc::clone(self).work(request, Arc::clone(&in_flight)));
            }
        }
    }

    async fn register(&self) -> bool {
        let register = Operation::Register { machine: self.plan.machine };
        let response = self.context.call(Caller::own(self.name), TIMEOUT, register).await;
        response.is_some_and(|response| response.status == 200)
    }

    async fn heartbeat(&self, in_flight: &InFlight) -> Option<RequestId> {
        let in_flight = self.plan.tracks.then(|| in_flight.lock().unwrap().iter().copied().collect());
        let heartbeat = Operation::Heartbeat { runtime: self.runtime, in_flight };
        let response = self.context.call(Caller::own(self.name), TIMEOUT, heartbeat).await?;
        response.body["pending_model_list"]["id"].as_str().map(|id| id.parse().unwrap())
    }

    async fn work(self: Arc<Self>, request: RequestId, in_flight: InFlight) {
        let rng = &self.context.environment.rng;
        let any = rng.one_of(&[50..FAST, 50..FAST, FAST..20_000, 20_000..75_000]);
        let duration = if self.plan.fast { 50..FAST } else { any };
        let text = format!("{} {request} {:x}", self.name, rng.bits());
        let result = WorkResult { completed: !rng.happens(200), text };
        self.context.environment.sleep(duration).await;
        self.report(Operation::Report { runtime: self.runtime, request, result }).await;
        in_flight.lock().unwrap().remove(&request);
    }

    async fn report(&self, report: Operation) {
        for wait in BACKOFF {
            tokio::time::sleep(wait).await;
            let caller = Caller::own(self.name);
            let response = self.context.call(caller, TRY_TIMEOUT, report.clone()).await;
            if response.is_some_and(|response| response.status < 500) {
                return;
            }
        }
    }
}
