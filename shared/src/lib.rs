//! The server side of Doorbell, shared by all functions.
//!
//! | module | contents |
//! |---|---|
//! | [`request`] | the request lifecycle: states, transitions, leases |
//! | [`kinds`] | the built-in kinds of requests |
//! | [`catalog`] | the last good result of a kind, for each runtime |
//! | [`runtime`], [`presence`], [`questions`] | registered runtimes, whether they are online, and their questions |
//! | [`push`] | the push channel to daemons |
//! | [`rate_limit`] | the rate limits of rings and registrations |
//! | [`access`], [`token`] | callers, scopes, workspaces and opaque tokens |
//! | [`store`] | the store trait and its implementations |
//! | `http` | API Gateway events, errors, metrics, the access log (feature `http`) |
//! | `aws` | SDK configuration for real endpoints (features `connect`, `lambda`) |
//! | [`clock`], [`id_gen`] | the only sources of time and of random ids |
//! | [`limits`] | limits and times of the server |
//!
//! Without default features no AWS crate is linked.

pub mod access;
#[cfg(any(feature = "connect", feature = "lambda"))]
pub mod aws;
pub mod catalog;
pub mod clock;
pub mod enrolment;
pub mod id_gen;
pub mod kinds;
pub mod limits;
pub mod presence;
pub mod push;
pub mod questions;
pub mod rate_limit;
pub mod request;
pub mod runtime;
pub mod store;
pub mod token;
pub mod token_id;

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "lambda")]
pub mod lambda;
