//! The kinds of requests.
//!
//! A built-in kind is one file. A question is declared by the owner of a machine and needs no code here.

pub mod model_list;

use doorbell_protocol::Kind;

use crate::request::{Deadlines, Request, TimeoutReason};

/// A kind with code of its own.
#[derive(Debug)]
pub struct BuiltInKind {
    pub kind: Kind,
    /// The field of a claimed request in the response to the heartbeat of one runtime.
    pub heartbeat_field: &'static str,
    pub deadlines: Deadlines,
}

/// The built-in kinds.
pub const BUILT_IN: [&BuiltInKind; 1] = [&model_list::MODEL_LIST];

/// The built-in kind with this name.
pub fn built_in(kind: Kind) -> Option<&'static BuiltInKind> {
    BUILT_IN.into_iter().find(|built_in| built_in.kind == kind)
}

/// The error text of a request that timed out.
pub fn timeout_text(request: &Request, reason: TimeoutReason) -> String {
    match reason {
        TimeoutReason::NotClaimed => {
            format!("daemon did not respond within {} seconds", request.deadlines.pending.as_secs())
        }
        TimeoutReason::NotReported => {
            format!("daemon did not finish within {} seconds", request.deadlines.running.as_secs())
        }
    }
}
