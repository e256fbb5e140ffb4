//! Invariant 8: online means that it picks up, whatever the push channel does.
//!
//! Network and store are free of faults in the times that are checked; the push channel is not. The daemons that serve the runtime
//! do not start or end in these times.

use std::ops::Range;

use doorbell_protocol::RuntimeId;

use crate::history::{AccessKind, AccessOutcome, Moment, Process, PushRecord};
use crate::invariants::MAX_DIFFERENCE;
use crate::operation::Operation;
use crate::request_history::{Invariant, RequestHistory, Violation};
use crate::runner::Run;

/// All in milliseconds after the end of a ring. A request is collected by then: one interval of the fallback, and two calls.
pub(crate) const COLLECTED: u64 = 18_000;

/// A runtime that does not collect is shown offline by then.
pub(crate) const OFFLINE: u64 = 60_000;

/// Before a ring: what an earlier fault has left behind has ended.
const QUIET: u64 = 60_000;

/// A daemon notices a dead connection within 40 s, and the next plain heartbeat follows at once.
const RECOVERED: u64 = 75_000;

/// What a ring with a push channel has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picked {
    /// In the time of invariant 8.
    Up,
    /// The runtime was shown offline instead.
    Offline,
    /// It has a heartbeat before it would have been shown offline. Only if the channel failed.
    Reminded,
    Late,
    /// The times had faults, or a daemon started or ended.
    NotChecked,
}

pub(crate) fn check(run: &Run, requests: &[RequestHistory<'_>], violations: &mut Vec<Violation>) {
    if run.plan.push.is_none() {
        return;
    }
    for request in requests.iter().filter(|request| picked(run, request) == Picked::Late) {
        let began = request.initiate().map_or(0, |(ring, _)| ring.began.millis);
        let detail = format!("{} was rung at {began} and not collected", request.request);
        violations.push(Violation { invariant: Invariant::OnlineMeansItPicksUp, detail });
    }
    leases_are_proven(run, violations);
    live_daemon_is_online(run, violations);
}

pub(crate) fn picked(run: &Run, request: &RequestHistory<'_>) -> Picked {
    let Some((_, ring)) = request.initiate() else { return Picked::NotChecked };
    let Some(ended) = request.accepted() else { return Picked::NotChecked };
    // A ring that succeeds amid faults is checked from their end on.
    let from = ended.millis.max(end_of_faults(run, ring.began.millis, ended.millis));
    let expires = ring.began.millis + u64::try_from(request.times().pending).unwrap();
    if from > ended.millis && expires < from + COLLECTED + MAX_DIFFERENCE {
        return Picked::NotChecked;
    }
    let times = ring.began.millis.saturating_sub(QUIET)..from + OFFLINE;
    let is_cancelled =
        request.accesses(AccessKind::Cancel).any(|(cancel, _)| cancel.began.millis < times.end);
    let serving = served_by(run, request.runtime, &times);
    let serves = serving.is_some_and(|serving| serving.iter().all(|process| process.plan.whole));
    if run.plan.flood || is_cancelled || !serves {
        return Picked::NotChecked;
    }
    let is_collected = request
        .accesses(AccessKind::Claim)
        .any(|(claim, _)| claim.outcome == AccessOutcome::Done && claim.began.millis < from + COLLECTED);
    let is_sound = run.plan.push.as_ref().is_none_or(|push| push.is_free_of_faults(&times));
    let shown = run.history.pushes.iter().filter_map(|(at, push)| match push {
        PushRecord::Shown { runtime, online } if *runtime == request.runtime && at.millis > from => {
            (at.millis < times.end).then_some(*online)
        }
        _ => None,
    });
    let shown: Vec<bool> = shown.collect();
    if is_collected {
        Picked::Up
    } else if shown.contains(&false) {
        Picked::Offline
    } else if is_heard(run, request.runtime, ended, times.end) && !is_sound {
        // A failed hint leaves 45 s of the lease, in which a reminder may arrive, or a later hint.
        Picked::Reminded
    } else if shown.is_empty() {
        Picked::NotChecked
    } else {
        Picked::Late
    }
}

/// The end of the faults of network and store that a ring meets or that follow on it.
fn end_of_faults(run: &Run, began: u64, ended: u64) -> u64 {
    let mut end = ended;
    let mut windows: Vec<_> = run.plan.faulty_times().collect();
    windows.sort_unstable_by_key(|window| window.start);
    for window in windows {
        if window.end > began && window.start < end + OFFLINE {
            end = end.max(window.end);
        }
    }
    end
}

/// Whether the runtime has a heartbeat after `start`.
fn is_heard(run: &Run, runtime: RuntimeId, start: Moment, end: u64) -> bool {
    run.history.calls.iter().any(|call| {
        matches!(call.operation, Operation::Heartbeat { runtime: of, .. } if of == runtime)
            && call.succeeded()
            && call.began > start
            && call.began.millis < end
    })
}

/// The processes that serve the runtime in `times`, unless one starts or ends in between.
fn served_by<'r>(run: &'r Run, runtime: RuntimeId, times: &Range<u64>) -> Option<Vec<&'r Process>> {
    if times.end > run.plan.open_end() {
        return None;
    }
    let processes = run.history.processes.iter().filter(|process| process.runtime == runtime);
    let alive = processes.filter(|process| process.from < times.end && times.start < process.to);
    let alive: Vec<_> = alive.collect();
    let is_stable = alive.iter().all(|process| process.from <= times.start && times.end <= process.to);
    is_stable.then_some(alive)
}

/// A push lease follows `hello` in the same heartbeat.
fn leases_are_proven(run: &Run, violations: &mut Vec<Violation>) {
    let pushes = &run.history.pushes;
    for (leased, push) in pushes {
        let PushRecord::Leased { runtime, call } = push else { continue };
        let began = run.history.calls[*call].began;
        let proven = PushRecord::Proven { runtime: *runtime };
        if !pushes.iter().any(|(at, push)| *push == proven && began < *at && at < leased) {
            let detail = format!("{runtime} got a lease at {} without hello", leased.millis);
            violations.push(Violation { invariant: Invariant::LeaseIsProven, detail });
        }
    }
}

/// Whether the runtime may have no lease but a shortened one. Until the next heartbeat, which may be hours away, nothing renews it.
fn is_shortened(run: &Run, runtime: RuntimeId, at: Moment) -> bool {
    let before = run.history.pushes.iter().rev().filter(|(push, _)| *push < at);
    let last = before.map(|(_, push)| push).find(|push| match push {
        PushRecord::Shortened { runtime: of } | PushRecord::Leased { runtime: of, .. } => *of == runtime,
        _ => false,
    });
    matches!(last, Some(PushRecord::Shortened { .. }))
}

/// Whether messages, connections and calls did not fail. Events may have failed.
fn is_channel_sound(run: &Run, times: &Range<u64>) -> bool {
    let faults = run.history.faults.iter().filter(|(at, _)| times.contains(&at.millis));
    !faults.into_iter().any(|(_, fault)| fault.is_of_channel())
}

/// Without faults, the runtime of a live daemon is shown online.
fn live_daemon_is_online(run: &Run, violations: &mut Vec<Violation>) {
    for (at, push) in &run.history.pushes {
        let PushRecord::Shown { runtime, online: false } = push else { continue };
        let Some(start) = at.millis.checked_sub(RECOVERED) else { continue };
        let times = start..at.millis;
        let lives = served_by(run, *runtime, &times).is_some_and(|serving| !serving.is_empty());
        if lives
            && !is_shortened(run, *runtime, *at)
            && run.plan.is_free_of_faults(&times)
            && is_channel_sound(run, &times)
        {
            let detail = format!("{runtime} was offline at {}", at.millis);
            violations.push(Violation { invariant: Invariant::LiveDaemonIsOnline, detail });
        }
    }
}
