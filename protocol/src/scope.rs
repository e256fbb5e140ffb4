//! Scopes of tokens.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// The routes that a token may call.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = UnknownScope, parse_err_fn = unknown_scope)]
pub enum Scope {
    /// For clients: ring, poll, list.
    User,
    /// For daemons: register, heartbeat, report.
    Daemon,
    /// For administrators of a workspace: tokens and enrolments.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The name in tokens and on the wire.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The text is not the name of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one of: user, daemon, admin")]
pub struct UnknownScope;

fn unknown_scope(_: &str) -> UnknownScope {
    UnknownScope
}
