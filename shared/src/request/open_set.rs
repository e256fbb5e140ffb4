//! The open set of a runtime: hints at the requests that may be claimed or are leased.
//!
//! The request items are the truth. Initiate adds an id before it puts the item, and an id is removed after its request has ended, so
//! an open request is in the set, unless its initiate failed in between. The set may have ids of requests that have ended, or that
//! were never put.

use std::fmt;
use std::str::FromStr;

use doorbell_protocol::{Kind, RequestId, Timestamp};

use super::Request;
use crate::limits::ORPHAN_AGE;

/// An entry: `<request id>#<kind>`. The order is that of the rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenRequest {
    pub request: RequestId,
    pub kind: Kind,
}

/// The text is not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an entry of an open set")]
pub struct InvalidOpenRequest;

impl OpenRequest {
    /// The entry of `request`.
    pub fn of(request: &Request) -> Self {
        Self { request: request.address.request, kind: request.kind }
    }

    /// Whether an entry without an item has none for good. Before that, its initiate may still be in progress.
    pub fn is_orphan(&self, now: Timestamp) -> bool {
        now.since(self.request.created_at()) > ORPHAN_AGE
    }
}

impl fmt::Display for OpenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.request, self.kind)
    }
}

impl FromStr for OpenRequest {
    type Err = InvalidOpenRequest;
    fn from_str(text: &str) -> Result<Self, InvalidOpenRequest> {
        let (request, kind) = text.split_once('#').ok_or(InvalidOpenRequest)?;
        let request = request.parse().map_err(|_| InvalidOpenRequest)?;
        Ok(Self { request, kind: kind.parse().map_err(|_| InvalidOpenRequest)? })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn entry_round_trips_through_text() {
        let text = "019a0000000070008000000000000001#disk_usage";
        assert_eq!(text.parse::<OpenRequest>().unwrap().to_string(), text);
        for text in ["", "019a0000000070008000000000000001", "x#a", "019a0000000070008000000000000001#A"] {
            assert_eq!(text.parse::<OpenRequest>(), Err(InvalidOpenRequest), "{text}");
        }
    }

    #[test]
    fn entry_is_orphan_when_initiate_must_have_ended() {
        let created = Timestamp::from_millis(1_795_000_000_000).unwrap();
        let entry = OpenRequest { request: RequestId::lower_bound(created), kind: Kind::MODEL_LIST };
        assert!(!entry.is_orphan(created + ORPHAN_AGE));
        assert!(entry.is_orphan(created + ORPHAN_AGE + Duration::from_millis(1)));
    }
}
