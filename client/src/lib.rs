//! HTTP client of the Doorbell API.

#![warn(missing_docs)]

mod api;
mod ask;

pub use api::*;
pub use ask::*;
