//! The short id of a token.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// The short id of a token, in lists and logs and as the key of its rates: 12 hex digits, the beginning of its hash. 48 bits are
/// enough to be unique in a workspace.
///
/// A JWT lives for minutes, so its id is that of its issuer's subject instead: the same for all tokens of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; 6]);

impl TokenId {
    /// The id of a JWT's subject.
    pub fn of_subject(subject: &str) -> Self {
        // The domain keeps it apart from hashes of tokens.
        let domain = Sha256::new().chain_update(b"doorbell jwt subject\0");
        Self::beginning_of(domain.chain_update(subject.as_bytes()).finalize().into())
    }

    pub(crate) fn beginning_of(hash: [u8; 32]) -> Self {
        let [a, b, c, d, e, f, ..] = hash;
        Self([a, b, c, d, e, f])
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The text is not 12 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token's id")]
pub struct InvalidTokenId;

impl FromStr for TokenId {
    type Err = InvalidTokenId;
    fn from_str(text: &str) -> Result<Self, InvalidTokenId> {
        lower_hex(text).map(Self).ok_or(InvalidTokenId)
    }
}

impl Serialize for TokenId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The bytes of lower-case hex digits. One spelling only: hashes and ids are parts of keys.
pub(crate) fn lower_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (is_lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_round_trips_in_one_spelling() {
        let id: TokenId = "25908ac0336d".parse().unwrap();
        assert_eq!(id.to_string(), "25908ac0336d");
        for other in ["", "25908ac0336", "25908ac0336d0", "25908AC0336D", "25908ac0336g"] {
            assert_eq!(other.parse::<TokenId>(), Err(InvalidTokenId), "{other}");
        }
    }

    #[test]
    fn id_of_subject_is_stable_and_domain_separated() {
        // printf 'doorbell jwt subject\0example' | sha256sum
        assert_eq!(TokenId::of_subject("example").to_string(), "6c0083d1fd70");
        let hash_of_token = TokenId::beginning_of(Sha256::digest(b"dbu_example").into());
        assert_ne!(TokenId::of_subject("dbu_example"), hash_of_token);
    }
}
