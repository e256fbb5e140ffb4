//! Leases: how requests are handed to heartbeats, and when a lease that got lost is replaced.
//!
//! Only a daemon that lists what it has in flight has anything redelivered: a missing or unreadable list is no evidence of
//! a loss.

use std::fmt;

use doorbell_protocol::{InFlight, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The lease by which a daemon holds a running request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The first claim, where the running deadline starts. Never on the wire.
    pub claimed_at: Timestamp,
    /// Identifies the claim that created the lease.
    pub token: LeaseToken,
    /// The number of deliveries so far: 1 for the first claim.
    pub attempt: u32,
}

/// Identifies one claim: the idempotency token by which a retried claim recognises its own first try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseToken(#[serde(with = "uuid::serde::simple")] Uuid);

impl LeaseToken {
    /// For id generators, and for tests with fixed tokens.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for LeaseToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// Which requests a heartbeat may claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimFilter {
    /// Pending requests.
    Pending,
    /// Pending requests, and running ones that the daemon does not list as in flight.
    PendingOrLost(InFlight),
}

/// How a request is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// First delivery.
    First,
    /// Redelivery in place of a lease whose heartbeat response was lost.
    Redelivery {
        /// The lease that is replaced.
        lease: LeaseToken,
    },
}
