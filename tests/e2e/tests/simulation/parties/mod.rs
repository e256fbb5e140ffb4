//! Who takes part. Each knows what its answers tell it and nothing else.

pub(crate) mod auditor;
pub(crate) mod client;
pub(crate) mod daemon;
pub(crate) mod intruder;
