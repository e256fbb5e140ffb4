//! Verification of OIDC tokens, in virtual time against a generated issuer.

#![cfg(test)]

mod claims;
mod fetch;
mod fixtures;
mod keys;
mod properties;
mod tokens;
