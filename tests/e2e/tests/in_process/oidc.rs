//! Verification of OIDC tokens, in virtual time against a generated issuer.

mod claims;
mod fetch;
mod fixtures;
mod keys;
mod properties;
mod tokens;
