//! Who is calling, and what that allows.
//!
//! Knows nothing of where the caller was established; `http::principal` reads it from the event. A workspace that
//! the caller is not in does not exist for them: the store is handed the caller's [`Workspaces`] with every operation
//! and answers for the rest as for nothing.

use std::collections::BTreeSet;
use std::fmt;

use crate::id::WorkspaceId;

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A person's client: ring, poll, list.
    User,
    /// A daemon: register, beat, report.
    Daemon,
}

impl Scope {
    /// The scope of that name, as tokens carry it.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::User, Self::Daemon].into_iter().find(|scope| scope.as_str() == name)
    }

    /// The name tokens carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Daemon => "daemon",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The workspaces a caller is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspaces(BTreeSet<WorkspaceId>);

impl Workspaces {
    /// Whether the caller is in `workspace`.
    pub fn contains(&self, workspace: WorkspaceId) -> bool {
        self.0.contains(&workspace)
    }

    /// All of them, in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = WorkspaceId> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<WorkspaceId> for Workspaces {
    fn from_iter<I: IntoIterator<Item = WorkspaceId>>(workspaces: I) -> Self {
        Self(workspaces.into_iter().collect())
    }
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who it is, for logs.
    pub subject: String,
    /// What the token may be used for.
    pub scopes: BTreeSet<Scope>,
    /// Whose things it may see.
    pub workspaces: Workspaces,
}
