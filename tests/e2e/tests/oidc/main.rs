//! The verification of OIDC tokens from outside, in virtual time, against an issuer of the tests' own.

#![cfg(test)]

mod claims;
mod discovery;
mod headers;
mod http;
mod outages;
mod properties;
mod refresh;
mod signatures;
mod support;
