//! Calls under way, each with exactly what it carries from one step to the next.

use doorbell_shared::id::ClaimId;
use doorbell_shared::request::{Delivery, Request};
use doorbell_shared::time::Timestamp;

use crate::party::{Daemon, Instance, Question, Questions};

/// A call that has begun and not ended. Nobody waits for the answer where `from` is none: the daemon has crashed since, or
/// the call is a second copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Attention is drawn; the request remains to be made.
    Initiate {
        /// What is asked.
        question: Question,
        /// When it began.
        now: Timestamp,
    },
    /// A lapsed request was read; the time-out remains to be written.
    Poll {
        /// What is asked for.
        question: Question,
        /// What was read.
        read: Request,
        /// When it began.
        now: Timestamp,
    },
    /// The sign of life is written, attention was found drawn, and work was looked for and found.
    Heartbeat {
        /// Who waits for the answer.
        from: Option<Daemon>,
        /// Where it is served.
        instance: Instance,
        /// What the daemon says it has.
        in_flight: Questions,
        /// What comes next.
        step: Step,
    },
    /// Under way from a daemon that has crashed since, or a second copy; or its write is being tried again.
    Report {
        /// Who waits for the answer.
        from: Option<Daemon>,
        /// What is answered.
        question: Question,
        /// In whose words.
        author: Daemon,
    },
}

/// What a heartbeat does next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Look for work: a second copy, which arrives whenever it likes.
    Look,
    /// Try to claim the first candidate.
    Claim {
        /// What was found and not yet tried.
        candidates: Vec<Candidate>,
        /// The mark of the next try.
        claim: ClaimId,
    },
}

/// What a look has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// Which one.
    pub question: Question,
    /// How it may be handed out.
    pub delivery: Delivery,
    /// How often it had been, when it was looked at.
    pub handed_out: u32,
}

impl Call {
    /// The daemon that waits for the answer.
    pub fn from(&self) -> Option<Daemon> {
        match self {
            Self::Heartbeat { from, .. } | Self::Report { from, .. } => *from,
            Self::Initiate { .. } | Self::Poll { .. } => None,
        }
    }

    /// The same with nobody to wait for the answer.
    pub fn unheard(mut self) -> Self {
        if let Self::Heartbeat { from, .. } | Self::Report { from, .. } = &mut self {
            *from = None;
        }
        self
    }

    /// Whether somebody waits for it whose next step depends on whether it ends.
    pub fn is_waited_for(&self) -> bool {
        self.from().is_some() || matches!(self, Self::Initiate { .. })
    }

    /// Whether its next step may go by the clock of `other`. What goes by the time at which it began, goes by no clock, and
    /// is let go by one of them.
    pub fn may_go_by(&self, other: Instance) -> bool {
        match self {
            Self::Heartbeat { instance, .. } => *instance == other,
            Self::Report { .. } => true,
            Self::Initiate { .. } | Self::Poll { .. } => other == Instance::Ahead,
        }
    }

    /// The mark that it has left, or will.
    pub fn claim(&self) -> Option<ClaimId> {
        match self {
            Self::Heartbeat { step: Step::Claim { claim, .. }, .. } => Some(*claim),
            _ => None,
        }
    }
}
