//! `template.yaml` against the code: what is deployed is what is there, may do what it does, and is watched by its own names.
//!
//! The template is read as it stands, before SAM's transform. What only the transform makes, above all API Gateway's
//! permission to call a function, is checked where the transform is run, in `localstack/`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod api;
mod life;
mod monitoring;
mod oidc;
mod permissions;
mod resources;
mod routes;
mod yaml;
