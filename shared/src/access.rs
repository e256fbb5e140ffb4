//! Authenticated callers. `http::input` reads them from the event.
//!
//! Tenant isolation: the store receives the caller's [`Workspaces`] and treats ids of other workspaces as unknown. The
//! use cases check a workspace id themselves.

use std::collections::BTreeSet;

use doorbell_protocol::limits::TEXT_CHARS;
use doorbell_protocol::{Scope, WorkspaceId, is_layout_control};

use crate::limits::WORKSPACES_PER_TOKEN;
use crate::runtime::ShortText;
use crate::token_id::TokenId;

/// The workspaces of a caller: at most [`WORKSPACES_PER_TOKEN`], so that every condition on them fits into an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workspaces(BTreeSet<WorkspaceId>);

/// More than [`WORKSPACES_PER_TOKEN`] workspaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {WORKSPACES_PER_TOKEN} workspaces")]
pub struct TooManyWorkspaces;

impl Workspaces {
    /// Repeated ids count once.
    ///
    /// # Errors
    /// With more than [`WORKSPACES_PER_TOKEN`] ids.
    pub fn new(workspaces: impl IntoIterator<Item = WorkspaceId>) -> Result<Self, TooManyWorkspaces> {
        let workspaces: BTreeSet<_> = workspaces.into_iter().collect();
        if workspaces.len() <= WORKSPACES_PER_TOKEN { Ok(Self(workspaces)) } else { Err(TooManyWorkspaces) }
    }

    /// One workspace.
    pub fn of(workspace: WorkspaceId) -> Self {
        Self(BTreeSet::from([workspace]))
    }

    pub fn contains(&self, workspace: WorkspaceId) -> bool {
        self.0.contains(&workspace)
    }

    /// All of them, in a stable order.
    pub fn iter(&self) -> impl Iterator<Item = WorkspaceId> + '_ {
        self.0.iter().copied()
    }
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// For logs and lists. [`loggable`] has cleaned it.
    pub subject: String,
    /// Identifies the opaque token, or the subject of a JWT. For logs and rate limits.
    pub token_id: TokenId,
    pub scopes: BTreeSet<Scope>,
    pub workspaces: Workspaces,
    /// The only daemon that the token may act for. `None`: any daemon of the workspaces.
    pub daemon_id: Option<ShortText>,
}

impl Principal {
    /// Whether the caller may act for a daemon of a workspace. A client is bound to no daemon.
    pub fn owns(&self, workspace: WorkspaceId, daemon_id: &ShortText) -> bool {
        self.workspaces.contains(workspace) && self.daemon_id.as_ref().is_none_or(|bound| bound == daemon_id)
    }

    /// A caller with every scope, for tests and benches of the store.
    ///
    /// # Panics
    /// With more than [`WORKSPACES_PER_TOKEN`] workspaces.
    #[expect(clippy::expect_used, reason = "for tests and benches, which pass few workspaces")]
    pub fn of_workspaces(workspaces: impl IntoIterator<Item = WorkspaceId>) -> Self {
        Self {
            subject: "example".to_owned(),
            token_id: TokenId::of_subject("example"),
            scopes: Scope::ALL.iter().copied().collect(),
            workspaces: Workspaces::new(workspaces).expect("a test has few workspaces"),
            daemon_id: None,
        }
    }
}

/// A subject for logs: at most [`TEXT_CHARS`] characters, without control characters and without `"` and `\`.
///
/// API Gateway puts the subject between quotes in a line of its access log. AWS documents no escaping there, so a subject with
/// quotes could add fields to the line.
pub fn loggable(subject: &str) -> String {
    let is_unsafe =
        |letter: char| letter.is_control() || is_layout_control(letter) || ['"', '\\'].contains(&letter);
    let clean = |letter| if is_unsafe(letter) { '\u{fffd}' } else { letter };
    subject.chars().take(TEXT_CHARS).map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspaces(count: u32) -> impl Iterator<Item = WorkspaceId> {
        (0..count).map(|number| format!("00000000-0000-4000-8000-{number:012x}").parse().unwrap())
    }

    #[test]
    fn workspaces_are_bounded() {
        assert_eq!(Workspaces::new(workspaces(250)).unwrap().iter().count(), 250);
        assert_eq!(Workspaces::new(workspaces(251)), Err(TooManyWorkspaces));
        assert!(Workspaces::new(workspaces(250).chain(workspaces(250))).is_ok(), "repeated ids count once");
    }

    #[test]
    fn loggable_subject_is_bounded_and_printable() {
        assert_eq!(loggable("auth0|müller@example.com"), "auth0|müller@example.com");
        assert_eq!(
            loggable("a\nb\u{1b}[31mc\",\"status\":\"500\\"),
            "a\u{fffd}b\u{fffd}[31mc\u{fffd},\u{fffd}status\u{fffd}:\u{fffd}500\u{fffd}"
        );
        assert_eq!(loggable("a\u{202e}b\u{2028}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(loggable(&"ü".repeat(10_000)), "ü".repeat(TEXT_CHARS));
    }
}
