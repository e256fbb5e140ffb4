//! What is paid by use, counted. Twice as much of everything is twice as much here, and need not be on the bill.

use std::ops::{Add, Mul, Sub};

/// So much of everything that is paid by use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Calls that API Gateway takes.
    pub requests: f64,
    /// Calls of functions, the authorizer's included.
    pub lambda_calls: f64,
    /// Memory that functions have, times how long they have it.
    pub gb_seconds: f64,
    /// DynamoDB's.
    pub write_units: f64,
    /// DynamoDB's.
    pub read_units: f64,
    /// Log lines, API Gateway's and the functions'.
    pub log_bytes: f64,
    /// What is sent to callers.
    pub sent_bytes: f64,
}

impl Usage {
    fn with(self, other: Self, combined: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            requests: combined(self.requests, other.requests),
            lambda_calls: combined(self.lambda_calls, other.lambda_calls),
            gb_seconds: combined(self.gb_seconds, other.gb_seconds),
            write_units: combined(self.write_units, other.write_units),
            read_units: combined(self.read_units, other.read_units),
            log_bytes: combined(self.log_bytes, other.log_bytes),
            sent_bytes: combined(self.sent_bytes, other.sent_bytes),
        }
    }
}

impl Add for Usage {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.with(other, |one, other| one + other)
    }
}

impl Sub for Usage {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.with(other, |one, other| one - other)
    }
}

impl Mul<f64> for Usage {
    type Output = Self;
    fn mul(self, times: f64) -> Self {
        self.with(self, |one, _| one * times)
    }
}
