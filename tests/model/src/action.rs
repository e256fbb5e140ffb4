//! What can happen next.

use crate::party::{Daemon, Instance, Question};

/// One step of somebody. Calls under way are named by their place in [`World::calls`](crate::World::calls).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Time passes.
    Wait,
    /// A client asks.
    Ask {
        /// What.
        question: Question,
        /// Through which instance.
        instance: Instance,
    },
    /// A client looks how far its question is.
    Poll {
        /// Which one.
        question: Question,
        /// Through which instance.
        instance: Instance,
        /// Whether the read is an eventually consistent one that is late.
        late_read: bool,
    },
    /// A daemon gives a sign of life, and the heartbeat looks for work.
    Beat {
        /// Which one.
        daemon: Daemon,
        /// Through which instance.
        instance: Instance,
        /// Whether a copy of it is under way as well.
        twice: bool,
    },
    /// A daemon answers.
    Report {
        /// Which one.
        daemon: Daemon,
        /// What.
        question: Question,
        /// Through which instance.
        instance: Instance,
        /// How that goes.
        fate: Fate,
    },
    /// A call takes its next step.
    Proceed {
        /// Which one.
        call: usize,
        /// By whose clock.
        instance: Instance,
        /// How that goes.
        fate: Fate,
    },
    /// The instance that serves a call crashes before its next step.
    CrashInstance {
        /// Which call.
        call: usize,
    },
    /// A daemon crashes, and is started again.
    CrashDaemon {
        /// Which one.
        daemon: Daemon,
        /// Whether it had just sent its answers off: they are under way still.
        answered: bool,
    },
}

/// How a step goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Well. If it is the call's last, whoever waits hears the answer.
    Well,
    /// It is the last, and the answer is lost on its way.
    AnswerLost,
    /// The write is applied, but its answer is lost between store and instance: the SDK will try it again.
    WriteUnanswered,
    /// Well, and a copy of the call is under way still.
    Twice,
}

impl Fate {
    /// Every fate; the first is the one that needs no fault.
    pub const ALL: [Self; 4] = [Self::Well, Self::AnswerLost, Self::WriteUnanswered, Self::Twice];
}
