//! The kind of a request.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest name of a kind, in bytes.
const MAX_BYTES: usize = 64;

/// What a request asks: a name of `[a-z][a-z0-9_]{0,63}`.
///
/// Two kinds are built in. The owner of a machine declares others, its *questions*. Stored inline, so that it is [`Copy`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// Zero after the name. No name has a zero byte, so the order is that of the names.
    bytes: [u8; MAX_BYTES],
    length: u8,
}

/// The text is not `[a-z][a-z0-9_]{0,63}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a name of a to z, 0 to 9 and _ that starts with a letter and has at most 64 characters")]
pub struct InvalidKind;

impl Kind {
    /// The models that a runtime can use.
    pub const MODEL_LIST: Self = Self::constant("model_list");
    /// The skills and MCP servers that are installed for a runtime.
    pub const LOCAL_SKILLS: Self = Self::constant("local_skills");

    /// The kind with a name that is known at compile time.
    ///
    /// # Panics
    /// If `name` is not a name of a kind. In a constant, compilation fails.
    #[expect(clippy::panic, reason = "ends the compilation")]
    pub const fn constant(name: &str) -> Self {
        match Self::parse(name.as_bytes()) {
            Some(kind) => kind,
            None => panic!("not a name of a kind"),
        }
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "`name` has at most 64 bytes"
    )]
    const fn parse(name: &[u8]) -> Option<Self> {
        if name.is_empty() || name.len() > MAX_BYTES || !name[0].is_ascii_lowercase() {
            return None;
        }
        let mut bytes = [0; MAX_BYTES];
        let mut index = 0;
        while index < name.len() {
            if !matches!(name[index], b'a'..=b'z' | b'0'..=b'9' | b'_') {
                return None;
            }
            bytes[index] = name[index];
            index += 1;
        }
        Some(Self { bytes, length: name.len() as u8 })
    }

    /// The name on the wire and in storage.
    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }
}

impl FromStr for Kind {
    type Err = InvalidKind;
    fn from_str(name: &str) -> Result<Self, InvalidKind> {
        Self::parse(name.as_bytes()).ok_or(InvalidKind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({self})")
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_checked() {
        for name in ["a", "disk_usage", "a0_", &"a".repeat(64)] {
            assert_eq!(name.parse::<Kind>().unwrap().as_str(), name);
        }
        for name in ["", "_a", "0a", "A", "a-b", "a b", "ä", "a\0", &"a".repeat(65)] {
            assert_eq!(name.parse::<Kind>(), Err(InvalidKind), "{name:?}");
        }
    }

    #[test]
    fn order_is_that_of_names() {
        let kind = |name: &str| name.parse::<Kind>().unwrap();
        assert!(kind("a") < kind("aa") && kind("aa") < kind("b") && kind("a0") < kind("a_"));
    }
}
