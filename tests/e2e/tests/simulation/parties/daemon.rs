//! The daemon behind NAT, as `doorbell_daemon` is one: registers, beats, works beside the beat, reports with its back-off.
//! Its HTTP client needs sockets, so its loop is told again here, with the real times. A server that has forgotten a runtime
//! is left out: no simulation lasts a week.
//!
//! A daemon may be killed at any moment and be started again with nothing remembered. What it has sent goes on.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorbell_daemon::daemon::Settings;
use doorbell_daemon::report::{BACKOFF, TRY_TIMEOUT};
use doorbell_protocol::{RequestId, RuntimeId};
use doorbell_shared::store::Store;
use tokio::task::JoinSet;

use crate::asked::{Asked, Said};
use crate::faults::Fault;
use crate::history::Life;
use crate::network::Caller;
use crate::plan::{DaemonPlan, QUICK};
use crate::world::World;

pub(crate) struct Daemon<S> {
    pub(crate) world: Arc<World<S>>,
    pub(crate) name: &'static str,
    pub(crate) plan: DaemonPlan,
    pub(crate) runtime: RuntimeId,
}

/// What one process has claimed and not yet reported.
type InFlight = Arc<Mutex<BTreeSet<RequestId>>>;

impl<S: Store + Clone + 'static> Daemon<S> {
    /// Lives, dies and is started again, for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let life = match self.plan.crashes {
                true => self.world.chance.millis(500..60_000),
                false => Duration::from_secs(3600),
            };
            self.begin_life(life);
            // The process and its work end where they stand.
            let _ = tokio::time::timeout(life, self.process()).await;
            self.world.fault(Fault::DaemonCrashed);
            self.world.sleep(100..20_000).await;
        }
    }

    fn begin_life(&self, life: Duration) {
        let from = self.world.time.elapsed_ms();
        let to = from + u64::try_from(life.as_millis()).unwrap();
        self.world.history().lives.push(Life { runtime: self.runtime, plan: self.plan, from, to });
    }

    fn caller(&self) -> Caller {
        Caller::at_home(self.name)
    }

    async fn process(self: &Arc<Self>) {
        while !self.register().await {
            self.world.sleep(1_000..3_000).await;
        }
        let (mut work, in_flight) = (JoinSet::new(), InFlight::default());
        self.world.sleep(0..15_000).await;
        let mut beats = tokio::time::interval(Settings::INTERVAL);
        beats.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                // Before the beat, which says what is in flight.
                Some(_) = work.join_next() => continue,
                _ = beats.tick() => {}
            }
            let Some(request) = self.beat(&in_flight).await else { continue };
            if in_flight.lock().unwrap().insert(request) || !self.plan.tracks {
                work.spawn(Arc::clone(self).answer(request, Arc::clone(&in_flight)));
            }
        }
    }

    async fn register(&self) -> bool {
        let asked = Asked::Register { machine: self.plan.machine };
        self.world.call(self.caller(), asked).await.is_some_and(|answer| answer.status == 200)
    }

    async fn beat(&self, in_flight: &InFlight) -> Option<RequestId> {
        let listed = || in_flight.lock().unwrap().iter().copied().collect();
        let in_flight = self.plan.tracks.then(listed);
        let asked = Asked::HeartbeatOutcome { runtime: self.runtime, in_flight };
        let answer = self.world.call(self.caller(), asked).await?;
        answer.body["pending_model_list"]["id"].as_str().map(|id| id.parse().unwrap())
    }

    async fn answer(self: Arc<Self>, request: RequestId, in_flight: InFlight) {
        let any = self.world.chance.one_of(&[50..QUICK, 50..QUICK, QUICK..20_000, 20_000..75_000]);
        let work = if self.plan.quick { 50..QUICK } else { any };
        let said = self.say(request);
        self.world.sleep(work).await;
        self.report(request, said).await;
        in_flight.lock().unwrap().remove(&request);
    }

    /// Something that nobody else says.
    fn say(&self, request: RequestId) -> Said {
        let said = format!("{} {request} {:x}", self.name, self.world.chance.bits());
        if self.world.chance.happens(200) { Said::Failure(said) } else { Said::Models(said) }
    }

    async fn report(&self, request: RequestId, said: Said) {
        for wait in BACKOFF {
            tokio::time::sleep(wait).await;
            let asked = Asked::Report { runtime: self.runtime, request, said: said.clone() };
            let answer = self.world.call_within(TRY_TIMEOUT, self.caller(), asked).await;
            if answer.is_some_and(|answer| answer.status < 500) {
                return;
            }
        }
    }
}
