//! Doorbell's Lambda functions.
//!
//! Each use case is one module: parse the request, call the store, render the outcome. Each function is one binary in `bin/`.

pub mod administer;
pub mod auth;
pub mod cancel;
pub mod connect;
pub mod deregister;
pub mod forget;
pub mod heartbeat;
pub mod held;
pub mod initiate;
mod notify;
pub mod page;
pub mod poll;
pub mod presence;
pub mod redeem;
pub mod register;
pub mod report;
pub mod runtimes;
pub mod workspaces;
