//! What a daemon's report comes to: an opaque result that fits the table, or a text that says why there is none.

use std::fmt;

use super::Status;
use crate::limits::{ERROR_BYTES, RESULT_BYTES};

/// How a daemon's work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has an answer.
    Completed(ResultBody),
    /// It has none.
    Failed(ErrorText),
}

impl Outcome {
    /// The status of a request that ends so.
    pub fn status(&self) -> Status {
        match self {
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
        }
    }
}

/// JSON text that the lifecycle and the store never look into, at most [`RESULT_BYTES`] long.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResultBody(String);

/// The result is over [`RESULT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a result of {bytes} bytes is over the {RESULT_BYTES} that can be stored")]
pub struct ResultTooLarge {
    /// How long it is.
    pub bytes: usize,
}

impl ResultBody {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ResultBody {
    type Error = ResultTooLarge;
    fn try_from(json: String) -> Result<Self, ResultTooLarge> {
        if json.len() <= RESULT_BYTES { Ok(Self(json)) } else { Err(ResultTooLarge { bytes: json.len() }) }
    }
}

/// Why there is no answer, in words for a person, cut to [`ERROR_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ErrorText(String);

impl ErrorText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ErrorText {
    fn from(mut text: String) -> Self {
        if text.len() > ERROR_BYTES {
            text.truncate(text.floor_char_boundary(ERROR_BYTES - '…'.len_utf8()));
            text.push('…');
        }
        Self(text)
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_may_be_as_long_as_the_limit_and_no_longer() {
        assert!(ResultBody::try_from("x".repeat(RESULT_BYTES)).is_ok());
        let over = ResultBody::try_from("x".repeat(RESULT_BYTES + 1));
        assert_eq!(over, Err(ResultTooLarge { bytes: RESULT_BYTES + 1 }));
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        assert_eq!(ErrorText::from("short".to_owned()).as_str(), "short");
        let cut = ErrorText::from("ü".repeat(ERROR_BYTES));
        assert!(cut.as_str().len() <= ERROR_BYTES && cut.as_str().ends_with("ü…"));
    }
}
