//! The authorizer: says who is calling, before any function is asked.
//!
//! `Authorization: Bearer …` is an opaque token of ours or a JWT of the configured issuer. What it comes to, subject, scopes and
//! workspaces, is all that the functions ever trust. API Gateway remembers an answer for as long as the template says, which
//! is how long a revocation takes.

mod authorize;
mod event;
pub mod oidc;

pub use authorize::{AuthorizerFault, handle};
pub use event::{AuthorizerAnswer, AuthorizerEvent};
