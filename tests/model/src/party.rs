//! Who and what takes part, each by a name instead of an id.

use std::ops::{Index, IndexMut};

use doorbell_shared::request::{Outcome, Request, ResultBody, State};

/// A function instance. On Lambda one serves one call at a time, so what tells two apart is the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instance {
    /// Its clock is two seconds ahead.
    Ahead,
    /// Its clock is two seconds behind.
    Behind,
}

impl Instance {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ahead, Self::Behind];
}

/// One of two daemons of the same runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Daemon {
    /// The one.
    One,
    /// The other.
    Other,
}

impl Daemon {
    /// Both.
    pub const ALL: [Self; 2] = [Self::One, Self::Other];

    /// What it answers: its own words, always the same.
    pub fn outcome(self) -> Outcome {
        let words = match self {
            Self::One => "1",
            Self::Other => "2",
        };
        ResultBody::try_from(words.to_owned())
            .map_or_else(|_| unreachable!("one byte fits"), Outcome::Completed)
    }

    /// Whether that is what the request ended with.
    pub fn has_answered(self, request: &Request) -> bool {
        request.state == State::from(self.outcome())
    }
}

/// A question to the runtime, in the order of the requests' ids. It may be asked out of order: ids are made by clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Its id is the lower one.
    First,
    /// Its id is the higher one.
    Second,
}

impl Question {
    /// Both.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];
}

/// Some of the questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Questions([bool; 2]);

impl Index<Question> for Questions {
    type Output = bool;
    fn index(&self, question: Question) -> &bool {
        &self.0[question as usize]
    }
}

impl IndexMut<Question> for Questions {
    fn index_mut(&mut self, question: Question) -> &mut bool {
        &mut self.0[question as usize]
    }
}

impl Questions {
    /// Whether it is none at all.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Which ones, the first first.
    pub fn iter(self) -> impl Iterator<Item = Question> {
        Question::ALL.into_iter().filter(move |question| self[*question])
    }
}
