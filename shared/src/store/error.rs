//! Errors of a store.

use std::error::Error;
use std::fmt;

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The operation failed, and may or may not have been applied. Written to the log; never contains items, tokens or payloads.
#[derive(Debug)]
pub struct StoreError {
    /// The store's name for the operation.
    pub operation: &'static str,
    pub kind: StoreErrorKind,
    /// What identifies the failure for support: an error code, a request id.
    pub detail: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why a store operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum StoreErrorKind {
    /// Over the table's or the account's throughput.
    #[strum(serialize = "throttled")]
    Throttled,
    /// No connection.
    #[strum(serialize = "could not be reached")]
    Unreachable,
    /// No response in time.
    #[strum(serialize = "timed out")]
    Timeout,
    /// The response was unreadable.
    #[strum(serialize = "the response could not be read")]
    BadResponse,
    /// Rejected for any other reason, such as a missing permission.
    #[strum(serialize = "rejected")]
    Rejected,
    /// A stored item has an unexpected shape.
    #[strum(serialize = "a stored item is corrupt")]
    Corrupt,
    /// The request could not be built, or the embedded engine failed.
    #[strum(serialize = "failed internally")]
    Internal,
}

impl StoreError {
    pub fn new(operation: &'static str, kind: StoreErrorKind) -> Self {
        Self { operation, kind, detail: None, source: None }
    }

    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// Keeps `source`. Logs show only kind and detail: a source's text could quote an item.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.kind)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
