//! The attribute of a payload: text when it is short, compressed otherwise.
//!
//! DynamoDB bills a write per started KB of the item and a read per 4 KB. A catalog is repetitive and compresses to a tenth. An
//! item has one of two attributes: `result` is JSON text, `result_zlib` the same as a zlib stream (RFC 1950). Both are permanent.
//! Decompression is bounded by [`RESULT_BYTES`].

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::limits::RESULT_BYTES;
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use serde::{Deserialize, Serialize};

use super::error::corrupt;
use super::keys::string;
use crate::request::Payload;
use crate::store::outcome::{Result, StoreError};

/// Text up to this length fits one write unit: the other attributes are about 500 bytes of a request without args that was delivered
/// once, with subjects of 30 characters.
const SHORT_BYTES: usize = 470;

/// zlib's default. Faster levels make a large catalog at least 1 KB longer: one write unit, which costs as much as 190 ms of a
/// function with 256 MB. Slower levels save nothing.
const LEVEL: u8 = 6;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum PayloadAttribute {
    #[serde(rename = "result")]
    Text(String),
    #[serde(rename = "result_zlib")]
    Compressed(#[serde(with = "serde_bytes")] Vec<u8>),
}

impl PayloadAttribute {
    /// The attributes of which an item has one.
    pub(super) const NAMES: [&str; 2] = ["result", "result_zlib"];

    pub(super) fn into_name_and_value(self) -> (&'static str, AttributeValue) {
        match self {
            Self::Text(text) => ("result", string(text)),
            Self::Compressed(bytes) => ("result_zlib", AttributeValue::B(Blob::new(bytes))),
        }
    }
}

impl From<&Payload> for PayloadAttribute {
    fn from(payload: &Payload) -> Self {
        let text = payload.as_str();
        if text.len() > SHORT_BYTES {
            let compressed = compress_to_vec_zlib(text.as_bytes(), LEVEL);
            // Incompressible text stays text: the largest result must still fit the item.
            if compressed.len() < text.len() {
                return Self::Compressed(compressed);
            }
        }
        Self::Text(text.to_owned())
    }
}

impl TryFrom<PayloadAttribute> for Payload {
    type Error = StoreError;
    fn try_from(stored: PayloadAttribute) -> Result<Self> {
        let text = match stored {
            PayloadAttribute::Text(text) => text,
            PayloadAttribute::Compressed(bytes) => {
                let text = decompress_to_vec_zlib_with_limit(&bytes, RESULT_BYTES)
                    .map_err(|_| corrupt("a compressed result"))?;
                String::from_utf8(text).map_err(|error| corrupt("a result's encoding").with_source(error))?
            }
        };
        Self::try_from(text).map_err(|error| corrupt("a result's length").with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(text: impl Into<String>) -> Payload {
        Payload::try_from(text.into()).unwrap()
    }

    fn stored(text: &str) -> PayloadAttribute {
        PayloadAttribute::from(&body(text))
    }

    /// About `bytes` incompressible bytes: pseudo-random characters of one and two bytes.
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
        assert_eq!(Payload::try_from(stored(text)).unwrap(), body(text));
    }

    proptest! {
        #[test]
        fn any_text_round_trips(text in "\\PC*", times in 0_usize..200) {
            assert_survives(&text);
            assert_survives(&text.repeat(times).chars().take(RESULT_BYTES / 4).collect::<String>());
        }

        #[test]
        fn any_bytes_are_decoded_or_rejected(bytes: Vec<u8>) {
            if let Ok(result) = Payload::try_from(PayloadAttribute::Compressed(bytes)) {
                prop_assert!(result.as_str().len() <= RESULT_BYTES);
            }
        }
    }

    #[test]
    fn lengths_around_limits_round_trip() {
        for bytes in [0, 1, SHORT_BYTES - 1, SHORT_BYTES, SHORT_BYTES + 1, RESULT_BYTES - 1, RESULT_BYTES] {
            assert_survives(&"x".repeat(bytes));
            assert_survives(&noise(bytes));
        }
    }

    #[test]
    fn short_result_stays_text() {
        assert_eq!(stored(&"x".repeat(SHORT_BYTES)), PayloadAttribute::Text("x".repeat(SHORT_BYTES)));
        assert!(matches!(stored(&"x".repeat(SHORT_BYTES + 1)), PayloadAttribute::Compressed(_)));
    }

    #[test]
    fn incompressible_stays_text() {
        let noise = noise(SHORT_BYTES + 50);
        assert_eq!(stored(&noise), PayloadAttribute::Text(noise));
    }

    #[test]
    fn rejects_stream_over_result_limit() {
        let stream = |bytes| PayloadAttribute::Compressed(compress_to_vec_zlib(&vec![b'x'; bytes], LEVEL));
        assert!(Payload::try_from(stream(RESULT_BYTES)).is_ok());
        assert!(Payload::try_from(stream(RESULT_BYTES + 1)).is_err());
        assert!(Payload::try_from(stream(100 * RESULT_BYTES)).is_err());
    }

    #[test]
    fn rejects_cut_or_changed_stream() {
        let PayloadAttribute::Compressed(bytes) = stored(&noise(2_000)) else { panic!("is text") };
        assert!(Payload::try_from(PayloadAttribute::Compressed(bytes[..bytes.len() - 1].to_vec())).is_err());
        let middle = bytes.len() / 2;
        let mut changed = bytes;
        changed[middle] ^= 1;
        assert!(Payload::try_from(PayloadAttribute::Compressed(changed)).is_err());
    }
}
