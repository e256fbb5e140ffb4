//! What every Doorbell function agrees on.
//!
//! | module | decides |
//! |---|---|
//! | [`request`] | the lifecycle: what state may follow what, and when |
//! | [`runtime`] | what a runtime is, and when it counts as online |
//! | [`access`], [`token`] | who is calling, what that allows, and what is kept of a token |
//! | [`store`] | what a store promises, and the stores that keep the promises |
//! | [`wire`] | the JSON that crosses HTTP, for both sides |
//! | `http` | event → input, outcome → status and body (feature `http`) |
//! | [`clock`], [`mint`] | the only places that ask for the time and for random ids |
//! | [`limits`] | every number that bounds an input |
//!
//! Without default features no AWS crate is linked: the lifecycle and the promises do not know where they run.

pub mod access;
pub mod clock;
pub mod id;
pub mod limits;
pub mod mint;
pub mod request;
pub mod runtime;
pub mod store;
pub mod time;
pub mod token;
pub mod wire;

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "lambda")]
pub mod lambda;
