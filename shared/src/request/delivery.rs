//! How requests get to daemons: what a heartbeat is looking for, and how a request may be handed to it.
//!
//! The daemon is authoritative for what has reached it, the request for who holds it. Only a daemon that says what it has
//! in flight is handed anything again: silence, or a list that cannot be read, says nothing about what was lost.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{ClaimId, RequestId};
use crate::limits::IN_FLIGHT_PER_HEARTBEAT;

/// What a heartbeat is looking for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looking {
    /// Requests that wait for a heartbeat.
    ForPending,
    /// Those, and requests that were handed out and are not among these: all that the daemon has claimed of the runtime and
    /// not yet reported.
    ForPendingAndUndelivered(InFlight),
}

/// How a request is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// To whom it was not handed before.
    First,
    /// Once more, in place of a claim whose answer has not arrived.
    Again {
        /// The claim that ends with this one.
        replaced: ClaimId,
    },
}

/// The requests that a daemon is working on, at most [`IN_FLIGHT_PER_HEARTBEAT`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<RequestId>")]
pub struct InFlight(BTreeSet<RequestId>);

/// The list is longer than [`IN_FLIGHT_PER_HEARTBEAT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} requests in flight are over the {IN_FLIGHT_PER_HEARTBEAT} that a heartbeat may list")]
pub struct TooManyInFlight(usize);

impl InFlight {
    /// Whether the daemon has it.
    pub fn contains(&self, request: RequestId) -> bool {
        self.0.contains(&request)
    }
}

impl TryFrom<Vec<RequestId>> for InFlight {
    type Error = TooManyInFlight;
    fn try_from(requests: Vec<RequestId>) -> Result<Self, TooManyInFlight> {
        match requests.len() {
            0..=IN_FLIGHT_PER_HEARTBEAT => Ok(Self(requests.into_iter().collect())),
            too_many => Err(TooManyInFlight(too_many)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_may_list_as_many_as_the_limit_and_no_more() {
        let listed = |count| InFlight::try_from(vec![RequestId::MIN; count]);
        assert!(listed(IN_FLIGHT_PER_HEARTBEAT - 1).is_ok() && listed(IN_FLIGHT_PER_HEARTBEAT).is_ok());
        let over = IN_FLIGHT_PER_HEARTBEAT + 1;
        assert_eq!(listed(over), Err(TooManyInFlight(over)));
    }
}
