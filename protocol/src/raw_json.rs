//! JSON values that pass through unread.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::json::is_within_depth;

/// Any JSON value, as its text: args, results, progress and schemas pass from one side to the other as they were spelled. Nested at
/// most [`JSON_DEPTH`](crate::limits::JSON_DEPTH) deep.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

/// The value is nested deeper than [`JSON_DEPTH`](crate::limits::JSON_DEPTH).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nested deeper than {} levels", crate::limits::JSON_DEPTH)]
pub struct JsonTooDeep;

/// The length of a JSON text inside of another one. A function's response is such a text.
pub fn escaped_len(json: &str) -> usize {
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\') || byte.is_ascii_control();
    json.len() + json.as_bytes().iter().filter(|byte| is_escaped(byte)).count()
}

impl Json {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Parses the value.
    ///
    /// # Errors
    /// When the value does not have the shape of `T`.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }
}

impl TryFrom<Box<RawValue>> for Json {
    type Error = JsonTooDeep;
    fn try_from(value: Box<RawValue>) -> Result<Self, JsonTooDeep> {
        if is_within_depth(&value) { Ok(Self(value)) } else { Err(JsonTooDeep) }
    }
}

impl TryFrom<&serde_json::Value> for Json {
    type Error = JsonTooDeep;
    fn try_from(value: &serde_json::Value) -> Result<Self, JsonTooDeep> {
        // A `Value` has no keys that are not strings, so it is always JSON.
        serde_json::value::to_raw_value(value).map_err(|_| JsonTooDeep)?.try_into()
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Box::<RawValue>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl std::str::FromStr for Json {
    type Err = serde_json::Error;
    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Json {}

impl std::hash::Hash for Json {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// Without the value, which may be a secret of a machine's owner.
impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::JSON_DEPTH;

    #[test]
    fn keeps_spelling() {
        for text in ["null", r#"{"b":1.10,"a":1e400}"#, r#"[ 1,  "\u00e4" ]"#] {
            assert_eq!(text.parse::<Json>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(nested(JSON_DEPTH).parse::<Json>().is_ok());
        assert!(nested(JSON_DEPTH + 1).parse::<Json>().is_err());
        assert!(nested(16_000).parse::<Json>().is_err());
        // Brackets inside of texts do not nest.
        assert!(format!("[\"{}\\\"[\"]", "[".repeat(1_000)).parse::<Json>().is_ok());
    }
}
