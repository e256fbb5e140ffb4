//! `template.yaml` against the code: routes, permissions, parameters, metrics and alarms.
//!
//! Read before SAM's transform. What the transform generates, above all API Gateway's permission to call a function, is
//! checked in `localstack/`.

mod api;
mod lifecycle;
mod monitoring;
mod oidc;
mod permissions;
mod push;
mod push_channel;
mod push_lifecycle;
mod resources;
mod routes;
mod yaml;
