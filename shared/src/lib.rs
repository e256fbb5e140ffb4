//! The server side of Doorbell: what all functions share.
//!
//! | module | contents |
//! |---|---|
//! | [`request`] | the request lifecycle: states, transitions, leases |
//! | [`runtime`] | registered runtimes, and when they are online |
//! | [`rate_limit`] | how often a runtime may be rung |
//! | [`access`], [`token`] | callers, scopes, workspaces and opaque tokens |
//! | [`store`] | the store trait and its implementations |
//! | `http` | API Gateway events, errors, metrics, the access log (feature `http`) |
//! | [`clock`], [`id_gen`] | the only sources of the time and of random ids |
//!
//! Without default features no AWS crate is linked.

pub mod access;
pub mod clock;
pub mod id_gen;
pub mod limits;
pub mod rate_limit;
pub mod request;
pub mod runtime;
pub mod store;
pub mod token;

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "lambda")]
pub mod lambda;
