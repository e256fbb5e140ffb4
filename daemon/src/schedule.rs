//! When the next heartbeat is sent, of which runtimes, and what it says of the push channel. Makes no call and reads no clock.
//!
//! While the channel is not proven, the runtimes are kept online by a heartbeat every 15 s. A proven channel gives them a lease for as
//! long as the server says; hints and the end of the connection cause heartbeats within it.

use std::collections::BTreeSet;
use std::time::Duration;

use doorbell_protocol::{DaemonPush, RuntimeId};
use rand::RngExt as _;
use tokio::time::Instant;

use crate::push::backoff::Backoff;
use crate::push::hints::Hints;
use crate::push::inbox::{Link, LinkState};
use crate::push::{FallbackReason, PushStatus};
use crate::session::Settings;

/// The longest interval that needs no lease, and the longest wait between two tries of a heartbeat within a lease.
const FALLBACK_INTERVAL: Duration = Settings::INTERVAL;

/// The shortest interval that the server can ask for.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// How long a call may be applied after the daemon has given it up: API Gateway ends it after 30 s (AWS, "Quotas for configuring and
/// running an HTTP API"). A plain heartbeat or a registration ends leases whenever it is applied.
const LATE_EFFECT: Duration = Duration::from_secs(30);

/// With fewer answers in a row that ask for the next heartbeat within [`FALLBACK_INTERVAL`], a request was on its way.
const ANSWERS_THAT_ASK: u32 = 2;

/// A heartbeat to send.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    /// `None`: all.
    pub(crate) runtimes: Option<BTreeSet<RuntimeId>>,
    pub(crate) push: Option<DaemonPush>,
    pub(crate) sent: Instant,
    /// The number of the connection.
    losses: u64,
    /// Sent because a connection was lost or the machine has resumed, at another time than planned.
    is_unplanned: bool,
}

impl Heartbeat {
    fn is_connected(&self) -> bool {
        self.push.is_some_and(|push| push.connected)
    }
}

/// What came of a heartbeat.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The shortest interval of the answers.
    pub(crate) next: Option<Duration>,
    /// The runtimes of which no heartbeat is known to be recorded.
    pub(crate) failed: BTreeSet<RuntimeId>,
    /// How long not to call again after a failure.
    pub(crate) retry_after: Option<Duration>,
}

/// Until when the server takes the runtimes for online while the connection lives.
#[derive(Clone, Copy, Debug)]
struct Lease {
    /// The connection on which it was given.
    losses: u64,
    /// The next heartbeat of all runtimes.
    next: Instant,
}

#[derive(Debug)]
pub(crate) struct Schedule {
    /// The configured interval.
    interval: Duration,
    started: Instant,
    /// No heartbeat of all runtimes was sent yet.
    is_first: bool,
    /// The next heartbeat of all runtimes without a lease.
    fallback_at: Instant,
    lease: Option<Lease>,
    hints: Hints,
    /// The losses at the last heartbeat of all runtimes.
    announced_losses: u64,
    /// The losses whose leases the server has ended for certain: it has answered a plain heartbeat since.
    cleared_losses: u64,
    /// Leases that were given before this time may end unnoticed.
    uncertain_until: Instant,
    retries: Backoff,
    /// Whether the last heartbeat of all runtimes has failed.
    has_failed: bool,
    /// A heartbeat of all runtimes is due since the machine has resumed.
    has_resumed: bool,
    /// The connection of the last heartbeat of all runtimes that said `connected`, and how many answers in a row gave no lease.
    without_lease: (u64, u32),
    status: PushStatus,
}

impl Schedule {
    /// Sends the first heartbeat within the interval.
    pub(crate) fn new(interval: Duration, now: Instant) -> Self {
        Self {
            interval,
            started: now,
            is_first: true,
            fallback_at: now + part_of(interval),
            lease: None,
            hints: Hints::default(),
            announced_losses: 0,
            cleared_losses: 0,
            uncertain_until: now,
            retries: Backoff::new(FALLBACK_INTERVAL),
            has_failed: false,
            has_resumed: false,
            without_lease: (0, 0),
            status: PushStatus::Off,
        }
    }

    pub(crate) fn hint(&mut self, runtime: RuntimeId, now: Instant) {
        self.hints.add(runtime, now);
    }

    /// When [`take`](Self::take) has a heartbeat.
    pub(crate) fn next(&self, link: &Link) -> Instant {
        let all = self.next_of_all(link);
        self.hints.next().map_or(all, |hint| hint.min(all))
    }

    fn next_of_all(&self, link: &Link) -> Instant {
        // The first one proves a channel that is connected, so that the first ring after the start does not wait for an interval.
        if self.is_unplanned(link) || (self.is_first && link.is_connected()) {
            return self.started;
        }
        self.lease(link).map_or(self.fallback_at, |lease| lease.next)
    }

    fn is_unplanned(&self, link: &Link) -> bool {
        self.has_resumed || link.losses > self.announced_losses
    }

    /// The lease, if messages arrive on the connection on which it was given.
    fn lease(&self, link: &Link) -> Option<Lease> {
        self.lease.filter(|lease| link.has_hello() && lease.losses == link.losses)
    }

    /// The heartbeat that is due.
    pub(crate) fn take(&mut self, link: &Link, now: Instant) -> Option<Heartbeat> {
        let is_unplanned = self.is_unplanned(link);
        let runtimes = if self.next_of_all(link) <= now {
            self.hints.clear();
            self.announced_losses = link.losses;
            self.has_resumed = false;
            self.is_first = false;
            None
        } else {
            let hinted = self.hints.take_due(now);
            if hinted.is_empty() {
                return None;
            }
            Some(hinted)
        };
        // A server that keeps a lease always means this connection, because a plain heartbeat has ended those of earlier ones.
        let connected = link.is_connected() && link.losses == self.cleared_losses;
        let push = link.is_used().then_some(DaemonPush { connected });
        Some(Heartbeat { runtimes, push, sent: now, losses: link.losses, is_unplanned })
    }

    /// What follows from the outcome of a heartbeat.
    pub(crate) fn ended(&mut self, heartbeat: &Heartbeat, outcome: &Outcome, link: &Link, now: Instant) {
        let is_complete = outcome.failed.is_empty();
        if is_complete {
            self.retries.reset();
        } else if !heartbeat.is_connected() {
            self.uncertain_until = now + LATE_EFFECT;
        }
        let next = outcome.next.map(|next| next.max(SHORTEST_INTERVAL));
        if heartbeat.runtimes.is_none() {
            self.ended_of_all(heartbeat, is_complete, next, link, now);
        } else {
            self.ended_of_hinted(heartbeat, outcome, next, link, now);
        }
        if let Some(retry_after) = outcome.retry_after {
            self.hold_until(now + retry_after);
        }
    }

    fn ended_of_all(
        &mut self,
        heartbeat: &Heartbeat,
        is_complete: bool,
        next: Option<Duration>,
        link: &Link,
        now: Instant,
    ) {
        let is_short = link.is_used() || !is_complete;
        let longest = if is_short { self.interval.min(FALLBACK_INTERVAL) } else { self.interval };
        let wait = next.map_or(longest, |next| next.min(longest));
        // One event causes heartbeats of many daemons at one time. The random wait after it keeps them from staying in step.
        let is_first_failure = !is_complete && !self.has_failed;
        let wait = if heartbeat.is_unplanned || is_first_failure {
            part_of(wait).max(wait.min(SHORTEST_INTERVAL))
        } else {
            wait
        };
        self.has_failed = !is_complete;
        // Heartbeats that a slow call has missed are skipped.
        self.fallback_at = now.max(heartbeat.sent + wait);
        if !is_complete {
            let held = self.lease(link);
            self.lease = held.map(|held| Lease { next: now + self.retries.next(), ..held });
        } else if heartbeat.is_connected() {
            let leased = next.filter(|next| *next > FALLBACK_INTERVAL);
            self.count_answer(heartbeat.losses, leased.is_some() && link.has_hello());
            let certain = leased.filter(|_| heartbeat.sent >= self.uncertain_until);
            self.lease = certain.map(|next| Lease { losses: heartbeat.losses, next: heartbeat.sent + next });
        } else {
            self.lease = None;
            self.cleared_losses = heartbeat.losses;
        }
    }

    /// Keeps the time of the next heartbeat of all runtimes, unless the server asks for an earlier one.
    fn ended_of_hinted(
        &mut self,
        heartbeat: &Heartbeat,
        outcome: &Outcome,
        next: Option<Duration>,
        link: &Link,
        now: Instant,
    ) {
        if let Some(next) = next {
            let next = heartbeat.sent + next;
            self.fallback_at = self.fallback_at.min(next);
            if let Some(lease) = &mut self.lease {
                lease.next = lease.next.min(next);
            }
        }
        // Without a lease the next heartbeat of all runtimes is near.
        if !outcome.failed.is_empty() && self.lease(link).is_some() {
            let retry_at = now + self.retries.next().max(outcome.retry_after.unwrap_or_default());
            for runtime in &outcome.failed {
                self.hints.add_at(*runtime, retry_at);
            }
        }
    }

    /// Sends nothing earlier.
    fn hold_until(&mut self, time: Instant) {
        self.fallback_at = self.fallback_at.max(time);
        if let Some(lease) = &mut self.lease {
            lease.next = lease.next.max(time);
        }
    }

    fn count_answer(&mut self, connection: u64, is_leased: bool) {
        let (of, answers) = self.without_lease;
        let earlier = if of == connection { answers } else { 0 };
        self.without_lease = (connection, if is_leased { 0 } else { earlier.saturating_add(1) });
    }

    /// The daemon has its first runtimes, or the first ones after it had none.
    pub(crate) fn begun(&mut self, now: Instant) {
        self.fallback_at = now + part_of(self.interval);
    }

    /// The machine was asleep, or its clock has jumped: sends a heartbeat at once, also in a pause that the server has asked for, which
    /// may be long over. A resume costs one call.
    pub(crate) fn resumed(&mut self) {
        self.has_resumed = true;
    }

    /// A registration ends every lease.
    pub(crate) fn registered(&mut self, is_answered: bool, now: Instant) {
        self.lease = None;
        if !is_answered {
            self.uncertain_until = now + LATE_EFFECT;
        }
    }

    pub(crate) fn status(&mut self, link: &Link) -> PushStatus {
        let (of, answers) = self.without_lease;
        let answers = if of == link.losses { answers } else { 0 };
        let reason = match &link.state {
            LinkState::Off => {
                self.status = PushStatus::Off;
                None
            }
            LinkState::Unusable(reason) => Some(FallbackReason::Unusable(reason.clone())),
            LinkState::Disconnected(reason) => reason.clone(),
            LinkState::Connected { .. } if self.lease(link).is_some() => {
                self.status = PushStatus::Proven;
                None
            }
            LinkState::Connected { hello: false } => (answers > 0).then_some(FallbackReason::Deaf),
            LinkState::Connected { hello: true } => {
                (answers >= ANSWERS_THAT_ASK).then_some(FallbackReason::Asked)
            }
        };
        if let Some(reason) = reason {
            self.status = PushStatus::FallingBack(reason);
        }
        self.status.clone()
    }
}

/// So that daemons that start together do not always send together.
fn part_of(interval: Duration) -> Duration {
    interval.mul_f64(rand::rng().random::<f64>())
}
