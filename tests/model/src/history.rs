//! What everyone was told so far, and which invariant that breaks. An observer: nothing that happens depends on it, but
//! for a client's polls, which take an id that it was told.

use doorbell_shared::request::Request;
use doorbell_shared::time::Timestamp;

use crate::invariant::{Invariant, Invariants};
use crate::party::{Daemon, Question};

/// How far a client has come with its question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Asked {
    /// Not begun.
    #[default]
    Not,
    /// Waits for the answer of its initiate.
    Waiting,
    /// Has the request's id.
    Accepted,
    /// Has heard nothing and given up. The request may be there all the same.
    GivenUp,
}

/// What was said of one question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Told {
    /// To the client.
    pub asked: Asked,
    /// The terminal record that a poll has shown.
    pub shown: Option<Request>,
    /// Whose report was acknowledged.
    pub recorded: Option<Daemon>,
    /// Which hand-outs had a winner: bit 1 for the first, bit 2 for the one that replaced it, and so on.
    won: u8,
}

impl Told {
    /// How often it was handed out to some heartbeat.
    pub fn wins(&self) -> u32 {
        self.won.count_ones()
    }
}

/// What was said, and what of it should not have been.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct History {
    told: [Told; 2],
    broken: Invariants,
}

impl History {
    /// What was said of `question`.
    pub fn of(&self, question: Question) -> &Told {
        &self.told[question as usize]
    }

    /// Whether something was said that `invariant` excludes.
    pub fn breaks(&self, invariant: Invariant) -> bool {
        self.broken.contains(invariant)
    }

    /// Notes what was seen to be wrong.
    pub fn note(&mut self, invariant: Invariant, broken: bool) {
        if broken {
            self.broken.insert(invariant);
        }
    }

    pub(crate) fn asked(&mut self, question: Question, asked: Asked) {
        self.told[question as usize].asked = asked;
    }

    /// A poll at `now` shows the request, or that there is none. `stored` is what it should have seen.
    pub(crate) fn shown(
        &mut self,
        question: Question,
        record: Option<&Request>,
        stored: Option<&Request>,
        now: Timestamp,
    ) {
        let told = &mut self.told[question as usize];
        let changed =
            told.shown.as_ref().is_some_and(|shown| record != Some(shown) && shown.is_readable(now));
        let lost = record.is_none() && stored.is_some_and(|stored| stored.is_readable(now));
        let denied = told.recorded.zip(record).is_some_and(|(author, record)| !author.has_answered(record));
        if told.shown.is_none() {
            told.shown = record.filter(|record| record.state.status().is_terminal()).cloned();
        }
        self.note(Invariant::TerminalIsForEver, changed);
        self.note(Invariant::AcknowledgedIsStored, lost || denied);
    }

    /// A heartbeat is told that it has won the `nth` hand-out.
    pub(crate) fn won(&mut self, question: Question, nth: u32) {
        let told = &mut self.told[question as usize];
        let bit = 1 << nth;
        let second = told.won & bit != 0;
        told.won |= bit;
        self.note(Invariant::OneWinner, second);
    }

    /// A report is acknowledged.
    pub(crate) fn recorded(&mut self, question: Question, author: Daemon) {
        let told = &mut self.told[question as usize];
        let other = told.recorded.is_some_and(|recorded| recorded != author);
        told.recorded = Some(author);
        self.note(Invariant::AcknowledgedIsStored, other);
    }
}
