//! The outcome of a report: a payload that fits the table, or an error text.

use std::fmt;

use doorbell_protocol::Status;
use doorbell_protocol::limits::{ERROR_BYTES, RESULT_BYTES};

/// How a daemon's work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestOutcome {
    Completed(Payload),
    Failed(ErrorText),
}

impl RequestOutcome {
    pub fn status(&self) -> Status {
        match self {
            Self::Completed(_) => Status::Completed,
            Self::Failed(_) => Status::Failed,
        }
    }
}

/// A result as JSON text, at most [`RESULT_BYTES`] long. Opaque to the lifecycle and the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payload(String);

/// The result is over [`RESULT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a result of {bytes} bytes is over the {RESULT_BYTES} that can be stored")]
pub struct PayloadTooLarge {
    pub bytes: usize,
}

impl Payload {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Payload {
    type Error = PayloadTooLarge;
    fn try_from(json: String) -> Result<Self, PayloadTooLarge> {
        if json.len() <= RESULT_BYTES { Ok(Self(json)) } else { Err(PayloadTooLarge { bytes: json.len() }) }
    }
}

/// An error text for users, cut to [`ERROR_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ErrorText(String);

impl ErrorText {
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
    fn payload_is_bounded() {
        assert!(Payload::try_from("x".repeat(RESULT_BYTES)).is_ok());
        let over = Payload::try_from("x".repeat(RESULT_BYTES + 1));
        assert_eq!(over, Err(PayloadTooLarge { bytes: RESULT_BYTES + 1 }));
    }

    #[test]
    fn long_error_is_cut_between_characters() {
        assert_eq!(ErrorText::from("short".to_owned()).as_str(), "short");
        let cut = ErrorText::from("ü".repeat(ERROR_BYTES));
        assert!(cut.as_str().len() <= ERROR_BYTES && cut.as_str().ends_with("ü…"));
    }
}
