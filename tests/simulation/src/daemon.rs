//! A stand-in for `doorbell_daemon`, which needs sockets: register, heartbeat, work and report with the real intervals.
//!
//! A daemon crashes at any moment and restarts without memory, while its calls go on. A simulation is shorter than the
//! retention of runtimes, so the stand-in never has to register again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorbell_client::TIMEOUT;
use doorbell_daemon::report::{BACKOFF, TRY_TIMEOUT};
use doorbell_protocol::{RequestId, RuntimeId};
use tokio::task::{AbortHandle, JoinSet};

use crate::asked::AskedKind;
use crate::context::{Context, SharedStore};
use crate::history::{Delivered, FaultKind, FunctionResponse, Process, cancelled, delivered};
use crate::link::{FALLBACK, Link, Pace, Said};
use crate::operation::{Caller, CatalogEffect, Named, Operation, Route, WorkResult};
use crate::plan::{DaemonPlan, FAST};

/// At most this often progress is reported.
const PROGRESS_INTERVAL: u64 = 1_000;

pub(crate) struct Daemon<S> {
    pub(crate) context: Arc<Context<S>>,
    pub(crate) name: &'static str,
    pub(crate) plan: DaemonPlan,
    pub(crate) runtime: RuntimeId,
}

/// The work on each request. A daemon that does not track may work twice on one.
type InFlight = Arc<Mutex<BTreeMap<RequestId, AbortHandle>>>;

impl<S: SharedStore> Daemon<S> {
    /// Crashes and restarts forever. In an outage the machine is off.
    pub(crate) async fn run(self: Arc<Self>) {
        let environment = &self.context.environment;
        loop {
            let lifetime = if self.plan.crashes { environment.rng.number(500..60_000) } else { 3_600_000 };
            let from = environment.clock.elapsed_ms();
            let outage = environment.plan.outage.as_ref().map(|outage| outage.start);
            let power_cut = outage.filter(|start| *start > from);
            let to = power_cut.unwrap_or(u64::MAX).min(from + lifetime);
            let process = Process { runtime: self.runtime, plan: self.plan, from, to };
            environment.history().processes.push(process);
            tokio::time::timeout(Duration::from_millis(to - from), self.process()).await.ok();
            if power_cut == Some(to) {
                environment.record_fault(FaultKind::MachineOff);
                environment.sleep_through_outage().await;
            } else {
                environment.record_fault(FaultKind::DaemonCrashed);
                environment.sleep(100..20_000).await;
                environment.sleep_through_outage().await;
            }
        }
    }

    async fn process(self: &Arc<Self>) {
        let environment = &self.context.environment;
        let mut pace = Pace::default();
        loop {
            let began = environment.clock.elapsed_ms();
            if self.register().await {
                break;
            }
            pace.registration_lost(began);
            environment.sleep(1_000..3_000).await;
        }
        let mut work = JoinSet::new();
        let in_flight = InFlight::default();
        let mut connections = JoinSet::new();
        let link = self
            .plan
            .pushes
            .then(|| Arc::new(Link::new(Arc::clone(environment), self.runtime, self.context.bug)));
        if let Some(link) = &link {
            let run = Arc::clone(link).run(Arc::clone(&self.context), self.plan.machine);
            connections.spawn(run);
        }
        pace.begin_at(environment.clock.elapsed_ms() + environment.rng.number(0..FALLBACK));
        loop {
            tokio::select! {
                biased;
                // First, because the heartbeat lists what is in flight.
                Some(_) = work.join_next() => continue,
                () = pace.wait(environment, link.as_deref()) => {}
            }
            let said = link.as_ref().map(|link| link.says());
            let response = self.heartbeat(&in_flight, said).await;
            pace.ended(link.as_deref(), said, response.as_ref());
            let Some(response) = response else { continue };
            for request in cancelled(&response) {
                if let Some(work) = in_flight.lock().unwrap().remove(&request) {
                    work.abort();
                }
            }
            for delivered in delivered(&response) {
                let mut tracked = in_flight.lock().unwrap();
                if !tracked.contains_key(&delivered.request) || !self.plan.tracks {
                    let started = work.spawn(Arc::clone(self).work(delivered, Arc::clone(&in_flight)));
                    tracked.insert(delivered.request, started);
                }
            }
        }
    }

    fn caller(&self) -> Caller {
        if self.context.environment.plan.enrolled {
            Caller::bound(self.name, self.plan.machine)
        } else {
            Caller::own(self.name)
        }
    }

    async fn register(&self) -> bool {
        let DaemonPlan { machine, whole: declares, pushes: push, .. } = self.plan;
        let register = Operation::Register { machine, declares, push };
        let response = self.context.call(self.caller(), TIMEOUT, register).await;
        response.is_some_and(|response| response.status == 200)
    }

    async fn heartbeat(&self, in_flight: &InFlight, said: Option<Said>) -> Option<FunctionResponse> {
        let in_flight = self.plan.tracks.then(|| in_flight.lock().unwrap().keys().copied().collect());
        let connected = said.map(|said| said.connected);
        let DaemonPlan { whole, .. } = self.plan;
        let heartbeat = Operation::Heartbeat { runtime: self.runtime, whole, in_flight, connected };
        self.context.call(self.caller(), TIMEOUT, heartbeat).await
    }

    async fn work(self: Arc<Self>, delivered: Delivered, in_flight: InFlight) {
        let Delivered { request, kind, .. } = delivered;
        let rng = &self.context.environment.rng;
        // The daemons that predate other kinds use one route.
        let route = if self.plan.whole && (kind == AskedKind::Question || rng.happens(500)) {
            Route::Generic
        } else {
            Route::Models
        };
        let named = Named { route, runtime: self.runtime, request };
        let any = rng.one_of(&[50..FAST, 50..FAST, FAST..20_000, 20_000..75_000]);
        let duration = rng.number(if self.plan.fast { 50..FAST } else { any });
        let text = format!("{} {request} {:x}", self.name, rng.bits());
        let catalog = rng.one_of(&CatalogEffect::MIX);
        let result = WorkResult { completed: !rng.happens(200), catalog, text };
        let ended = self.context.environment.clock.elapsed_ms() + duration;
        if route == Route::Models || self.reports_progress(named, ended).await {
            self.context.environment.sleep_until(ended).await;
            self.report(Operation::Report { named, kind, result }).await;
        }
        in_flight.lock().unwrap().remove(&request);
    }

    /// Up to three times; returns whether to go on. A lost report of progress is not repeated.
    async fn reports_progress(&self, named: Named, until: u64) -> bool {
        let environment = &self.context.environment;
        for _ in 0..environment.rng.one_of(&[0, 0, 1, 3]) {
            let wait = PROGRESS_INTERVAL + environment.rng.number(0..3_000);
            if environment.clock.elapsed_ms() + wait > until {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let progress = environment.rng.number(0..1_000_000);
            let progress = Operation::Progress { named, progress };
            let response = self.context.call(self.caller(), TRY_TIMEOUT, progress).await;
            if response.is_some_and(|response| response.body["cancelled"] == true) {
                return false;
            }
        }
        true
    }

    async fn report(&self, report: Operation) {
        for wait in BACKOFF {
            tokio::time::sleep(wait).await;
            let caller = self.caller();
            let response = self.context.call(caller, TRY_TIMEOUT, report.clone()).await;
            if response.is_some_and(|response| response.status < 500) {
                return;
            }
        }
    }
}
