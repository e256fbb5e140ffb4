//! How a result is stored: as its text where that is short, and otherwise compressed.
//!
//! DynamoDB charges a write for each started KB of the whole item and a read for each 4 KB, and a look reads what was
//! answered lately along with what is open. A catalog of models says much the same of each, and is a tenth as long
//! compressed.
//!
//! An item has one of two attributes: `result` is JSON text, `result_zlib` the same as a zlib stream (RFC 1950). Both are read
//! for ever: until this was written all results were text. What is read is [`RESULT_BYTES`] at most, whatever a stream holds.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use serde::{Deserialize, Serialize};

use super::error::corrupt;
use super::expressions::string;
use crate::limits::RESULT_BYTES;
use crate::request::ResultBody;
use crate::store::{Result, StoreError};

/// A result this long is one write unit as it is: the rest of its item is about 300 bytes.
const SHORT_BYTES: usize = 700;

/// zlib's own default. Faster levels leave a large catalog a KB or more longer, a write unit, which costs as much as 190 ms
/// of a function with 256 MB; the slower ones save nothing more.
const LEVEL: u8 = 6;

/// The attribute that holds a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum StoredResult {
    #[serde(rename = "result")]
    Text(String),
    #[serde(rename = "result_zlib")]
    Compressed(#[serde(with = "serde_bytes")] Vec<u8>),
}

impl StoredResult {
    /// The attribute's name and value.
    pub(super) fn into_attribute(self) -> (&'static str, AttributeValue) {
        match self {
            Self::Text(text) => ("result", string(text)),
            Self::Compressed(bytes) => ("result_zlib", AttributeValue::B(Blob::new(bytes))),
        }
    }
}

impl From<&ResultBody> for StoredResult {
    fn from(result: &ResultBody) -> Self {
        let text = result.as_str();
        if text.len() > SHORT_BYTES {
            let compressed = compress_to_vec_zlib(text.as_bytes(), LEVEL);
            // Not so where there is nothing to find in the text, and the largest result must still fit the item.
            if compressed.len() < text.len() {
                return Self::Compressed(compressed);
            }
        }
        Self::Text(text.to_owned())
    }
}

impl TryFrom<StoredResult> for ResultBody {
    type Error = StoreError;
    fn try_from(stored: StoredResult) -> Result<Self> {
        let text = match stored {
            StoredResult::Text(text) => text,
            StoredResult::Compressed(bytes) => {
                let text = decompress_to_vec_zlib_with_limit(&bytes, RESULT_BYTES);
                let text = text.map_err(|_| corrupt("a compressed result"))?;
                String::from_utf8(text).map_err(|_| corrupt("a compressed result's text"))?
            }
        };
        Self::try_from(text).map_err(|_| corrupt("a result's size"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(text: impl Into<String>) -> ResultBody {
        ResultBody::try_from(text.into()).unwrap()
    }

    fn stored(text: &str) -> StoredResult {
        StoredResult::from(&body(text))
    }

    /// About so many bytes with nothing in them to find: letters of one byte and of two, in no order.
    fn noise(bytes: usize) -> String {
        let mut state = 1_u64;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((state >> 33) % bound).unwrap()
        };
        let mut text = String::new();
        while text.len() + 1 < bytes {
            let letter = if below(100) < 12 { 0x80 + below(0x780) } else { below(0x80) };
            text.extend(char::from_u32(letter));
        }
        text
    }

    fn assert_survives(text: &str) {
        assert_eq!(ResultBody::try_from(stored(text)).unwrap(), body(text));
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "\\PC*", times in 0_usize..200) {
            assert_survives(&text);
            assert_survives(&text.repeat(times).chars().take(RESULT_BYTES / 4).collect::<String>());
        }

        /// Whatever is in the item: an error or a result, and never more than the limit.
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            if let Ok(result) = ResultBody::try_from(StoredResult::Compressed(bytes)) {
                prop_assert!(result.as_str().len() <= RESULT_BYTES);
            }
        }
    }

    #[test]
    fn a_result_of_every_length_around_the_limits_survives() {
        for bytes in [0, 1, SHORT_BYTES - 1, SHORT_BYTES, SHORT_BYTES + 1, RESULT_BYTES - 1, RESULT_BYTES] {
            assert_survives(&"x".repeat(bytes));
            assert_survives(&noise(bytes));
        }
    }

    #[test]
    fn what_is_one_write_unit_anyway_stays_text() {
        assert_eq!(stored(&"x".repeat(SHORT_BYTES)), StoredResult::Text("x".repeat(SHORT_BYTES)));
        assert!(matches!(stored(&"x".repeat(SHORT_BYTES + 1)), StoredResult::Compressed(_)));
    }

    #[test]
    fn what_would_not_be_shorter_stays_text() {
        let noise = noise(SHORT_BYTES + 50);
        assert_eq!(stored(&noise), StoredResult::Text(noise));
    }

    #[test]
    fn a_stream_that_holds_more_than_a_result_may_is_refused() {
        let stream = |bytes| StoredResult::Compressed(compress_to_vec_zlib(&vec![b'x'; bytes], LEVEL));
        assert!(ResultBody::try_from(stream(RESULT_BYTES)).is_ok());
        assert!(ResultBody::try_from(stream(RESULT_BYTES + 1)).is_err());
        assert!(ResultBody::try_from(stream(100 * RESULT_BYTES)).is_err());
    }

    #[test]
    fn a_stream_that_is_cut_or_changed_is_refused() {
        let StoredResult::Compressed(bytes) = stored(&noise(2_000)) else { panic!("is text") };
        assert!(ResultBody::try_from(StoredResult::Compressed(bytes[..bytes.len() - 1].to_vec())).is_err());
        let middle = bytes.len() / 2;
        let mut changed = bytes;
        changed[middle] ^= 1;
        assert!(ResultBody::try_from(StoredResult::Compressed(changed)).is_err());
    }
}
