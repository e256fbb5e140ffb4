//! Ids of workspaces, runtimes and requests.
//!
//! Each id has one accepted spelling. Other spellings of the same UUID (upper case, braces, `urn:uuid:`) are rejected: two
//! spellings of one id would be two keys in the table.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::time::Timestamp;

/// The text is not an id in the accepted spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id in the accepted form")]
pub struct InvalidId;

/// Implements the one spelling of a newtype over [`Uuid`], on the wire and in the table.
macro_rules! impl_spelling {
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

/// A tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkspaceId(Uuid);
impl_spelling!(WorkspaceId, hyphenated);

/// One agent program on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuntimeId(Uuid);
impl_spelling!(RuntimeId, hyphenated);

impl RuntimeId {
    /// For the server, which derives ids, and for tests with fixed ids.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }
}

/// A request: a UUIDv7 in 32 hex digits. The order of ids is the order of creation, and so the order of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Uuid);
impl_spelling!(RequestId, simple);

impl RequestId {
    /// The smallest id.
    pub const MIN: Self = Self(Uuid::nil());

    /// For id generators, and for tests with fixed ids.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// When the id was generated.
    pub fn created_at(self) -> Timestamp {
        let millis = i64::try_from(self.0.as_u128() >> 80).unwrap_or_default();
        Timestamp::from_millis(millis).unwrap_or_else(|| Timestamp::from(chrono::DateTime::UNIX_EPOCH))
    }

    /// A lower bound of all ids generated at `time` or later, for tests with fixed ids.
    pub fn lower_bound(time: Timestamp) -> Self {
        let millis = u128::try_from(time.millis()).unwrap_or(0);
        Self(Uuid::from_u128(millis << 80))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";

    #[test]
    fn rejects_other_spellings() {
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
    fn request_id_has_no_hyphens() {
        assert!("0193000000007000800000000000000a".parse::<RequestId>().is_ok());
        assert!("01930000-0000-7000-8000-00000000000a".parse::<RequestId>().is_err());
    }

    #[test]
    fn lower_bound_is_below_ids_of_its_millisecond() {
        let time = Timestamp::from_millis(1_795_318_867_120).unwrap();
        let timestamp = uuid::Timestamp::from_unix(uuid::NoContext, 1_795_318_867, 120_000_000);
        let id = RequestId(Uuid::new_v7(timestamp));
        assert!(RequestId::lower_bound(time) <= id);
        assert!(RequestId::lower_bound(time + std::time::Duration::from_millis(1)) > id);
    }
}
