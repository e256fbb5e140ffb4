//! The keys an issuer publishes (RFC 7517), of which only those count that can verify RS256 or ES256.

use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::header::Header;
use super::verdict::DeniedReason;

/// A key, and the one algorithm it is for.
pub(super) struct Key {
    id: String,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

/// The keys of one issuer at one time.
pub(super) struct KeySet(Vec<Key>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// The keys in a JWK set; `None` if it is not one. A key of a kind we don't know is left out and does not spoil the
    /// others.
    pub(super) fn read(document: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        Some(Self(document.keys.into_iter().filter_map(Key::read).collect()))
    }

    /// Whether there is a key of that id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// The key that a token with this header must have been signed with.
    pub(super) fn matching(&self, header: &Header) -> Result<&Key, DeniedReason> {
        let mut named = self.0.iter().filter(|key| key.id == header.key_id).peekable();
        named.peek().ok_or(DeniedReason::UnknownKey)?;
        named.find(|key| key.algorithm == header.algorithm).ok_or(DeniedReason::KeyMismatch)
    }
}

impl Key {
    fn read(key: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(key).ok()?;
        let algorithm = algorithm(&jwk.algorithm)?;
        let fits = verifies(&jwk.common)
            && jwk.common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        let id = jwk.common.key_id.filter(|id| !id.is_empty())?;
        fits.then_some(Self { id, algorithm, decoding })
    }
}

fn algorithm(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    match parameters {
        AlgorithmParameters::RSA(_) => Some(Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Some(Algorithm::ES256),
        _ => None,
    }
}

/// Whether the issuer means the key for verifying, which it need not say.
fn verifies(key: &CommonParameters) -> bool {
    let used = key.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    used && key.key_operations.as_ref().is_none_or(|known| known.contains(&KeyOperations::Verify))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EC: &str = r#"{"kid": "a", "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}"#;

    fn ec(changes: Value) -> Value {
        let mut key: Value = serde_json::from_str(EC).unwrap();
        let Value::Object(changes) = changes else { panic!("not an object") };
        key.as_object_mut().unwrap().extend(changes);
        key
    }

    fn read(keys: &[Value]) -> KeySet {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_for_verifying_counts() {
        for key in [
            ec(json!({})),
            ec(json!({"use": "sig", "alg": "ES256", "key_ops": ["verify"], "x5t": "other", "unheard-of": 1})),
            json!({"kid": "a", "kty": "RSA", "n": "AAAA", "e": "AQAB", "alg": "RS256"}),
        ] {
            assert!(read(std::slice::from_ref(&key)).has("a"), "{key}");
        }
    }

    #[test]
    fn a_key_for_anything_else_is_left_out_and_spoils_no_other() {
        for key in [
            ec(json!({"use": "enc"})),
            ec(json!({"use": "wrap"})),
            ec(json!({"key_ops": ["sign"]})),
            ec(json!({"alg": "ES384"})),
            ec(json!({"alg": "RS256"})),
            ec(json!({"alg": "HS256"})),
            ec(json!({"alg": "unheard-of"})),
            ec(json!({"crv": "P-384"})),
            ec(json!({"crv": "secp256k1"})),
            ec(json!({"x": "not base64!"})),
            ec(json!({"kid": ""})),
            ec(json!({"kid": null})),
            ec(json!({"kid": 1})),
            json!({"kid": "a", "kty": "oct", "k": "AAAA", "alg": "HS256"}),
            json!({"kid": "a", "kty": "oct", "k": "AAAA"}),
            json!({"kid": "a", "kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
            json!({"kid": "a", "kty": "RSA", "n": "AAAA", "e": "AQAB", "alg": "RS512"}),
            json!({"kid": "a", "kty": "RSA", "n": "AAAA", "e": "AQAB", "alg": "RSA-OAEP"}),
            json!({"kid": "a"}),
            json!("a"),
        ] {
            let keys = read(&[key.clone(), ec(json!({"kid": "b"}))]);
            assert!(!keys.has("a") && keys.has("b") && keys.0.len() == 1, "{key}");
        }
    }

    #[test]
    fn what_is_no_key_set_is_not_read_as_an_empty_one() {
        for document in ["", "<html>", "{}", "[]", "null", r#"{"keys": {}}"#, r#"{"keys": null}"#] {
            assert!(KeySet::read(document.as_bytes()).is_none(), "{document}");
        }
    }
}
