//! Identifiers, checked once at the edge.
//!
//! Each id has exactly one spelling, the one we hand out. Another spelling of the same UUID (upper case, braces,
//! `urn:uuid:`) is refused rather than tidied: two spellings of one id would be two keys somewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::time::Timestamp;

/// The text is not an id in the one spelling that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id in the accepted form")]
pub struct InvalidId;

/// Gives a newtype over [`Uuid`] its one spelling on the wire and in the table.
macro_rules! spelled_as {
    ($name:ident, $form:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.$form().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Self(Uuid::try_parse(text).map_err(|_| InvalidId)?);
                if id.0.$form().encode_lower(&mut Uuid::encode_buffer()) == text {
                    Ok(id)
                } else {
                    Err(InvalidId)
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    };
}

/// A tenant: the wall that nothing is seen across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceId(Uuid);
spelled_as!(WorkspaceId, hyphenated);

/// One agent program on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuntimeId(Uuid);
spelled_as!(RuntimeId, hyphenated);

impl RuntimeId {
    /// The id of the runtime that a daemon describes so. Registering again is an upsert with no look-up, because the
    /// id follows from these four and nothing else.
    pub fn derive(workspace: WorkspaceId, daemon_id: &str, provider: &str, profile_id: &str) -> Self {
        // A JSON array keeps ("a", "bc") and ("ab", "c") apart whatever characters the parts hold.
        let name = serde_json::json!([daemon_id, provider, profile_id]).to_string();
        Self(Uuid::new_v5(&workspace.0, name.as_bytes()))
    }
}

/// One question. A UUIDv7 in 32 hex digits: its order is the order of creation, so it doubles as the queue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Uuid);
spelled_as!(RequestId, simple);

impl RequestId {
    /// Not above any id.
    pub const MIN: Self = Self(Uuid::nil());

    /// For [`crate::mint`], and for tests that need ids they can name.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Not above any id minted at `time` or later: where a range read of the queue starts.
    pub fn lower_bound(time: Timestamp) -> Self {
        let millis = u128::try_from(time.millis()).unwrap_or(0);
        Self(Uuid::from_u128(millis << 80))
    }
}

/// One heartbeat's attempt to claim one request: the mark by which a claim is told from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimId(Uuid);
spelled_as!(ClaimId, simple);

impl ClaimId {
    /// For [`crate::mint`], and for tests that need ids they can name.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";

    #[test]
    fn only_the_spelling_we_hand_out_is_accepted() {
        assert_eq!(WORKSPACE.parse::<WorkspaceId>().unwrap().to_string(), WORKSPACE);
        for other in [
            "00000000-0000-4000-8000-00000000000A",
            "{00000000-0000-4000-8000-00000000000a}",
            "urn:uuid:00000000-0000-4000-8000-00000000000a",
            "0000000000004000800000000000000a",
            "00000000-0000-4000-8000-00000000000",
            "",
        ] {
            assert_eq!(other.parse::<WorkspaceId>(), Err(InvalidId), "{other:?}");
        }
    }

    #[test]
    fn a_request_id_has_no_hyphens() {
        assert!("0193000000007000800000000000000a".parse::<RequestId>().is_ok());
        assert!("01930000-0000-7000-8000-00000000000a".parse::<RequestId>().is_err());
    }

    #[test]
    fn a_runtime_id_depends_on_each_of_its_four_parts() {
        let other: WorkspaceId = "00000000-0000-4000-8000-00000000000b".parse().unwrap();
        let workspace: WorkspaceId = WORKSPACE.parse().unwrap();
        let id = RuntimeId::derive(workspace, "a", "b", "c");
        assert_eq!(id, RuntimeId::derive(workspace, "a", "b", "c"));
        for different in [
            RuntimeId::derive(other, "a", "b", "c"),
            RuntimeId::derive(workspace, "ab", "", "c"),
            RuntimeId::derive(workspace, "a", "bc", ""),
            RuntimeId::derive(workspace, "a", "b", ""),
        ] {
            assert_ne!(id, different);
        }
    }

    #[test]
    fn the_lower_bound_of_a_time_is_below_every_id_of_that_millisecond() {
        let time = Timestamp::from_millis(1_795_318_867_120).unwrap();
        let timestamp = uuid::Timestamp::from_unix(uuid::NoContext, 1_795_318_867, 120_000_000);
        let id = RequestId(Uuid::new_v7(timestamp));
        assert!(RequestId::lower_bound(time) <= id);
        assert!(RequestId::lower_bound(time + std::time::Duration::from_millis(1)) > id);
    }
}
