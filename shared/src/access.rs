//! Authenticated callers. `http::input` reads them from the event.
//!
//! Tenant isolation: the store receives the caller's [`Workspaces`] and treats ids of other workspaces as unknown. The
//! use cases check a workspace id themselves.

use std::collections::BTreeSet;

use doorbell_protocol::{Scope, WorkspaceId};

/// The workspaces a caller is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspaces(BTreeSet<WorkspaceId>);

impl Workspaces {
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
    /// For logs.
    pub subject: String,
    pub scopes: BTreeSet<Scope>,
    pub workspaces: Workspaces,
}

impl Principal {
    /// A caller with every scope, for tests and benches of the store.
    pub fn of_workspaces(workspaces: impl IntoIterator<Item = WorkspaceId>) -> Self {
        Self {
            subject: "example".to_owned(),
            scopes: Scope::ALL.iter().copied().collect(),
            workspaces: workspaces.into_iter().collect(),
        }
    }
}
