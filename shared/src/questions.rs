//! The questions of a runtime.

use std::time::Duration;

use doorbell_protocol::limits::{
    QUESTION_TIMEOUT_DEFAULT_S, QUESTION_TIMEOUT_MAX_S, QUESTIONS_BYTES, QUESTIONS_PER_RUNTIME,
};
use doorbell_protocol::{Kind, Question, escaped_len};
use serde::{Deserialize, Serialize};

use crate::request::Deadlines;

/// What a runtime declares: at most [`QUESTIONS_PER_RUNTIME`], at most [`QUESTIONS_BYTES`] together, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Questions(Vec<Question>);

/// Why questions are rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestions {
    #[error("more than {QUESTIONS_PER_RUNTIME} questions")]
    TooMany,
    #[error("more than {} KB of questions", QUESTIONS_BYTES >> 10)]
    TooLarge,
    /// A duplicate name, or a timeout out of range.
    #[error("invalid question: {0}")]
    Question(Kind),
}

/// Pending deadline and retention of a question's requests, in seconds. The running deadline is the question's own.
const PENDING_S: u64 = 30;
const RETENTION_S: u64 = 3_600;

impl Questions {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Question> {
        self.0.iter()
    }

    /// The length of the questions in a response of a function, which is a JSON text inside of a JSON text.
    pub fn response_bytes(&self) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        // Every part is a text, a number or JSON.
        serde_json::to_string(&self.0).map_or(usize::MAX, |json| escaped_len(&json))
    }

    /// The deadlines of requests of `kind`, if it is declared.
    pub fn deadlines(&self, kind: Kind) -> Option<Deadlines> {
        let question = self.0.iter().find(|question| question.name == kind)?;
        let running = Duration::from_secs(question.timeout_s.unwrap_or(QUESTION_TIMEOUT_DEFAULT_S).into());
        Some(Deadlines { running, ..Deadlines::of_seconds(PENDING_S, 0, RETENTION_S) })
    }
}

impl TryFrom<Vec<Question>> for Questions {
    type Error = InvalidQuestions;
    fn try_from(questions: Vec<Question>) -> Result<Self, InvalidQuestions> {
        if questions.len() > QUESTIONS_PER_RUNTIME {
            return Err(InvalidQuestions::TooMany);
        }
        for (index, question) in questions.iter().enumerate() {
            let is_repeated = questions.iter().take(index).any(|earlier| earlier.name == question.name);
            let has_timeout =
                question.timeout_s.is_none_or(|timeout| (1..=QUESTION_TIMEOUT_MAX_S).contains(&timeout));
            if is_repeated || !has_timeout {
                return Err(InvalidQuestions::Question(question.name));
            }
        }
        // Every part is a text, a number or JSON.
        let bytes = serde_json::to_string(&questions).map_or(usize::MAX, |json| json.len());
        if bytes > QUESTIONS_BYTES { Err(InvalidQuestions::TooLarge) } else { Ok(Self(questions)) }
    }
}

impl IntoIterator for Questions {
    type Item = Question;
    type IntoIter = std::vec::IntoIter<Question>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str) -> Question {
        let name = name.parse().unwrap();
        Question { name, description: None, args_schema: None, result_schema: None, timeout_s: None }
    }

    #[test]
    fn number_and_size_are_bounded() {
        let named = |count: usize| (0..count).map(|index| question(&format!("q{index}"))).collect::<Vec<_>>();
        assert!(Questions::try_from(named(QUESTIONS_PER_RUNTIME)).is_ok());
        assert_eq!(Questions::try_from(named(QUESTIONS_PER_RUNTIME + 1)), Err(InvalidQuestions::TooMany));
        let long = |bytes: usize| Question { description: Some("x".repeat(bytes)), ..question("q") };
        assert!(Questions::try_from(vec![long(QUESTIONS_BYTES - 100)]).is_ok());
        assert_eq!(Questions::try_from(vec![long(QUESTIONS_BYTES)]), Err(InvalidQuestions::TooLarge));
    }

    #[test]
    fn name_is_unique() {
        let repeated = Questions::try_from(vec![question("a"), question("b"), question("a")]);
        assert_eq!(repeated, Err(InvalidQuestions::Question("a".parse().unwrap())));
    }

    #[test]
    fn timeout_is_bounded() {
        let timed = |timeout_s| Questions::try_from(vec![Question { timeout_s, ..question("a") }]);
        for timeout in [1, QUESTION_TIMEOUT_MAX_S] {
            let running = timed(Some(timeout)).unwrap().deadlines("a".parse().unwrap()).unwrap().running;
            assert_eq!(running, Duration::from_secs(timeout.into()));
        }
        for timeout in [0, QUESTION_TIMEOUT_MAX_S + 1] {
            assert_eq!(timed(Some(timeout)), Err(InvalidQuestions::Question("a".parse().unwrap())));
        }
        let default = timed(None).unwrap().deadlines("a".parse().unwrap()).unwrap();
        assert_eq!(default, Deadlines::of_seconds(30, 60, 3_600));
    }
}
