//! The issuer's key set (RFC 7517). Only keys that verify RS256 or ES256 are kept.

use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::verification::DeniedReason;

/// A key, and the only algorithm that it verifies.
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
    /// The keys of a JWK set; `None` if `document` is not one. Unsupported keys are skipped.
    pub(super) fn parse(document: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(document).ok()?;
        Some(Self(document.keys.into_iter().filter_map(Key::parse).collect()))
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id == id)
    }

    /// The key with this id and algorithm.
    pub(super) fn find(&self, id: &str, algorithm: Algorithm) -> Result<&Key, DeniedReason> {
        let mut candidates = self.0.iter().filter(|key| key.id == id).peekable();
        candidates.peek().ok_or(DeniedReason::UnknownKey)?;
        candidates.find(|key| key.algorithm == algorithm).ok_or(DeniedReason::KeyMismatch)
    }
}

impl Key {
    fn parse(key: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(key).ok()?;
        let algorithm = algorithm(&jwk.algorithm)?;
        let matches = verifies(&jwk.common)
            && jwk.common.key_algorithm.is_none_or(|declared| declared == KeyAlgorithm::from(algorithm));
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        let id = jwk.common.key_id.filter(|id| !id.is_empty())?;
        matches.then_some(Self { id, algorithm, decoding })
    }
}

fn algorithm(parameters: &AlgorithmParameters) -> Option<Algorithm> {
    match parameters {
        AlgorithmParameters::RSA(_) => Some(Algorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Some(Algorithm::ES256),
        _ => None,
    }
}

/// Whether the key is meant for verification. Both fields are optional.
fn verifies(key: &CommonParameters) -> bool {
    let for_signatures = key.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    for_signatures
        && key.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify))
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

    fn parse(keys: &[Value]) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn keeps_verification_keys() {
        for key in [
            ec(json!({})),
            ec(json!({"use": "sig", "alg": "ES256", "key_ops": ["verify"], "x5t": "other", "unknown": 1})),
            json!({"kid": "a", "kty": "RSA", "n": "AAAA", "e": "AQAB", "alg": "RS256"}),
        ] {
            assert!(parse(std::slice::from_ref(&key)).contains("a"), "{key}");
        }
    }

    #[test]
    fn skips_other_keys() {
        for key in [
            ec(json!({"use": "enc"})),
            ec(json!({"use": "wrap"})),
            ec(json!({"key_ops": ["sign"]})),
            ec(json!({"alg": "ES384"})),
            ec(json!({"alg": "RS256"})),
            ec(json!({"alg": "HS256"})),
            ec(json!({"alg": "unknown"})),
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
            let keys = parse(&[key.clone(), ec(json!({"kid": "b"}))]);
            assert!(!keys.contains("a") && keys.contains("b") && keys.0.len() == 1, "{key}");
        }
    }

    #[test]
    fn rejects_document_that_is_not_a_key_set() {
        for document in ["", "<html>", "{}", "[]", "null", r#"{"keys": {}}"#, r#"{"keys": null}"#] {
            assert!(KeySet::parse(document.as_bytes()).is_none(), "{document}");
        }
    }
}
