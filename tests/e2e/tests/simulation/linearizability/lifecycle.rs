//! The lifecycle once more, as a sequence of calls would go through it: with the contract's own numbers, so that an error in
//! the real one is not believed by its own check.

use doorbell_shared::request::LeaseToken;
use doorbell_shared::request::Delivery;
use doorbell_protocol::Status;

use crate::asked::Said;
use doorbell_protocol::time::SKEW;

/// The contract's times, in milliseconds.
const PENDING: i64 = 30_000;
const RUNNING: i64 = 60_000;
const RETENTION: i64 = 120_000;
const REDELIVERY: i64 = 5_000;

/// What was done to the request, with the time that whoever did it thought it was.
#[derive(Clone, Debug)]
pub(super) struct Op {
    pub(super) now: i64,
    /// What the time truly was when the call ended.
    pub(super) latest: i64,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Ring,
    /// Others may change the request between a poll's read and its write; then it shows what it finds, lapsed or not.
    Poll {
        raced: bool,
    },
    ClaimOutcome(Delivery, LeaseToken),
    Report(Said),
}

/// What a call was answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ret {
    Shown(Shown),
    Handed,
    Ok,
    Gone,
}

/// As much of a record as can change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shown {
    pub(super) status: Status,
    pub(super) said: String,
    pub(super) created: i64,
    pub(super) updated: i64,
}

/// A request as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stands {
    shown: Shown,
    /// When the running clock started, and by whose claim it runs.
    run: Option<(i64, LeaseToken)>,
}

impl Stands {
    fn rung(now: i64) -> Self {
        let shown = Shown { status: Status::Pending, said: String::new(), created: now, updated: now };
        Self { shown, run: None }
    }

    fn lapse(&self, now: i64) -> Option<&'static str> {
        match (self.shown.status, self.run) {
            (Status::Pending, _) if now - self.shown.created > PENDING => {
                Some("daemon did not respond within 30 seconds")
            }
            (Status::Running, Some((started, _))) if now - started > RUNNING => {
                Some("daemon did not finish within 60 seconds")
            }
            _ => None,
        }
    }

    fn is_open(&self, now: i64) -> bool {
        !self.shown.status.is_terminal() && self.timeout_reason(now).is_none()
    }

    fn is_readable(&self, now: i64) -> bool {
        now - self.shown.updated <= RETENTION
    }

    fn change(&mut self, status: Status, said: &str, now: i64) {
        self.shown = Shown { status, said: said.to_owned(), updated: now, ..self.shown.clone() };
    }

    fn claim(&mut self, delivery: Delivery, claim: LeaseToken, now: i64) -> Ret {
        let started = match (delivery, self.shown.status, self.run) {
            (Delivery::First, Status::Pending, None) => now,
            (Delivery::Redelivery { replaced }, Status::Running, Some((started, held)))
                if held == replaced && now - self.shown.updated > REDELIVERY =>
            {
                started
            }
            _ => return Ret::Gone,
        };
        if !self.is_open(now) {
            return Ret::Gone;
        }
        self.change(Status::Running, "", now);
        self.run = Some((started, claim));
        Ret::Handed
    }

    fn report(&mut self, said: &Said, now: i64) -> Ret {
        if self.is_open(now) {
            match said {
                Said::Models(text) => self.change(Status::Completed, text, now),
                Said::Failure(text) => self.change(Status::Failed, text, now),
            }
        }
        Ret::Ok
    }

    fn poll(&mut self, now: i64) -> Ret {
        if let Some(lapse) = self.timeout_reason(now) {
            self.change(Status::Timeout, lapse, now);
        }
        Ret::Shown(self.shown.clone())
    }
}

/// The request after `op`, and what `op` is answered.
pub(super) fn apply(stands: Option<&Stands>, op: &Op) -> (Option<Stands>, Ret) {
    let now = op.now;
    if matches!(op.what, What::Ring) {
        let rung = Stands::rung(now);
        return (Some(rung.clone()), Ret::Shown(rung.shown));
    }
    let Some(mut after) = stands.filter(|stands| stands.is_readable(now)).cloned() else {
        return (stands.cloned(), Ret::Gone);
    };
    let ret = match &op.what {
        What::ClaimOutcome(delivery, claim) => after.claim(*delivery, *claim, now),
        What::Report(said) => after.report(said, now),
        What::Poll { .. } | What::Ring => after.poll(now),
    };
    (Some(after), ret)
}

/// The request after `op`, if it may be answered so.
pub(super) fn answered(stands: Option<&Stands>, op: &Op, ret: &Ret) -> Option<Option<Stands>> {
    let (after, expected) = apply(stands, op);
    if *ret == expected {
        return Some(after);
    }
    let unchanged = match (&op.what, ret) {
        // What anybody's clock calls gone may have been deleted, and then it is gone for all.
        (What::Poll { .. } | What::Report(_), Ret::Gone) => {
            stands.is_none_or(|stands| !stands.is_readable(op.latest + SKEW))
        }
        (What::Poll { raced: true }, Ret::Shown(shown)) => {
            stands.is_some_and(|stands| stands.shown == *shown)
        }
        _ => false,
    };
    unchanged.then(|| stands.cloned())
}
