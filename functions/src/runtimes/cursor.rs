//! Where a page of runtimes begins, as text in a URL. Opaque for clients: its form may change between two releases.

use std::fmt;
use std::str::FromStr;

use doorbell_protocol::{InvalidId, RuntimeId, WorkspaceId};

/// Separates the two ids. Neither contains it, and it needs no escape in a query.
const SEPARATOR: char = '.';

/// A position in the order of workspaces and ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) workspace: WorkspaceId,
    /// The last listed runtime of the workspace; none at its start.
    pub(super) after: Option<RuntimeId>,
}

impl Cursor {
    pub(super) fn start_of(workspace: WorkspaceId) -> Self {
        Self { workspace, after: None }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after {
            Some(after) => write!(f, "{}{SEPARATOR}{after}", self.workspace),
            None => write!(f, "{}", self.workspace),
        }
    }
}

impl FromStr for Cursor {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once(SEPARATOR) {
            Some((workspace, after)) => {
                Ok(Self { workspace: workspace.parse()?, after: Some(after.parse()?) })
            }
            None => text.parse().map(Self::start_of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";
    const RUNTIME: &str = "6f1f6b1e-5a9e-5b0f-8d5c-2f2f1f0f7a11";

    #[test]
    fn round_trips_as_text() {
        for text in [WORKSPACE.to_owned(), format!("{WORKSPACE}.{RUNTIME}")] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn rejects_other_texts() {
        let trailing = format!("{WORKSPACE}.");
        let three = format!("{WORKSPACE}.{RUNTIME}.{RUNTIME}");
        for text in ["", ".", "x", &trailing, &three, RUNTIME.trim_end_matches('1')] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidId), "{text}");
        }
    }
}
