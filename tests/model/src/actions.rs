//! The actions of the actors, and the faults of their steps.

use crate::actors::{Daemon, Instance};

/// `call` is an index into [`ModelState::calls`](crate::state::ModelState::calls). A crashed daemon restarts without memory; with `reported`, it has sent
/// its reports just before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    AdvanceTime,
    Initiate { request: usize, instance: Instance },
    Poll { request: usize, instance: Instance, stale_read: bool },
    Cancel { request: usize, instance: Instance, fault: Option<StepFault> },
    Heartbeat { daemon: Daemon, instance: Instance, duplicated: bool },
    Report { daemon: Daemon, request: usize, instance: Instance, fault: Option<StepFault> },
    Proceed { call: usize, instance: Instance, fault: Option<StepFault> },
    CrashInstance { call: usize },
    CrashDaemon { daemon: Daemon, reported: bool },
}

/// A fault in one step of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepFault {
    /// The response of the call is lost.
    ResponseLost,
    /// The write is applied, the store's response is lost, and the SDK will retry.
    WriteResponseLost,
    /// The call is delivered, and a duplicate is in progress.
    Duplicated,
    /// The write is not applied, and the SDK's retries have failed.
    StoreError,
}
