//! An issuer with generated keys, and the documents and tokens that it signs.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbell_functions::auth::oidc::{DeniedReason, FetchJson, Oidc, OidcConfig, OidcFault, Verification};
use doorbell_protocol::Timestamp;
use reqwest::Url;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://issuer.example/realm";
pub(crate) const AUDIENCE: &str = "doorbell";
pub(crate) const KEYS: &str = "https://keys.example/jwks";
pub(crate) const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";

/// The start of every test, in seconds since the epoch.
pub(crate) const START: i64 = 1_795_318_867;

pub(crate) fn start() -> Timestamp {
    Timestamp::from_millis(START * 1000).unwrap()
}

/// That many seconds after [`start`].
pub(crate) fn after(seconds: u64) -> Timestamp {
    start() + Duration::from_secs(seconds)
}

/// The claims of a valid token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user-1",
        "exp": START + 7 * 24 * 3600,
        "doorbell_workspaces": [WORKSPACE],
    })
}

/// `value` with the fields of `changes`; `null` removes a field.
pub(crate) fn with(mut value: Value, changes: Value) -> Value {
    let (Some(fields), Value::Object(changes)) = (value.as_object_mut(), changes) else {
        panic!("not objects")
    };
    for (name, change) in changes {
        match change {
            Value::Null => fields.remove(&name),
            change => fields.insert(name, change),
        };
    }
    value
}

/// The configuration with these variables, `DOORBELL_OIDC_` left out.
pub(crate) fn config(variables: &[(&str, &str)]) -> OidcConfig {
    let find = |name: &str| variables.iter().find(|(known, _)| name == format!("DOORBELL_OIDC_{known}"));
    OidcConfig::from_lookup(|name| find(name).map(|(_, value)| (*value).to_owned())).unwrap().unwrap()
}

/// An issuer that publishes its keys at [`KEYS`], and a verifier for its tokens.
pub(crate) struct Issuer {
    pub(crate) documents: Documents,
    pub(crate) oidc: Oidc<Documents>,
}

impl Issuer {
    pub(crate) fn with(signers: &[&Signer]) -> Self {
        let issuer = Self::unreachable();
        issuer.publish(signers);
        issuer
    }

    pub(crate) fn unreachable() -> Self {
        let documents = Documents::default();
        let config = config(&[("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE), ("JWKS_URL", KEYS)]);
        Self { oidc: Oidc::new(config, documents.clone()), documents }
    }

    /// Replaces the published keys.
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        self.documents.put(KEYS, &key_set(signers));
    }

    pub(crate) async fn verify(&self, token: &str, now: Timestamp) -> Result<Verification, OidcFault> {
        self.oidc.verify(token, now).await
    }

    /// The reason why `token` is denied.
    pub(crate) async fn denies(&self, token: &str, now: Timestamp) -> DeniedReason {
        match self.verify(token, now).await.unwrap() {
            Verification::Denied(reason) => reason,
            Verification::Valid(identity) => panic!("valid: {identity:?}"),
        }
    }

    pub(crate) async fn accepts(&self, token: &str, now: Timestamp) -> bool {
        matches!(self.verify(token, now).await, Ok(Verification::Valid(_)))
    }
}

/// The JWK set of these signers.
pub(crate) fn key_set(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() })
}

/// Generated once: it takes seconds without optimisation.
static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| {
    let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
    RsaKeyPair::from_pkcs8(key.to_pkcs8_der().unwrap().as_bytes()).unwrap()
});

/// A key pair of the issuer, or of an attacker.
pub(crate) struct Signer {
    id: String,
    pair: Pair,
}

enum Pair {
    Ec(Box<EcdsaKeyPair>),
    Rsa(&'static RsaKeyPair),
}

impl Signer {
    /// A new key.
    pub(crate) fn es256(id: &str) -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { id: id.to_owned(), pair: Pair::Ec(Box::new(pair)) }
    }

    /// The same key for all ids.
    pub(crate) fn rs256(id: &str) -> Self {
        Self { id: id.to_owned(), pair: Pair::Rsa(&RSA) }
    }

    /// The public key, as the issuer publishes it.
    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kid": self.id, "use": "sig", "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
            Pair::Rsa(pair) => {
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                json!({"kid": self.id, "use": "sig", "alg": "RS256", "kty": "RSA", "n": encode(n), "e": encode(e)})
            }
        }
    }

    /// The public key as bytes: a point, or PKCS #1.
    pub(crate) fn public_key(&self) -> &[u8] {
        match &self.pair {
            Pair::Ec(pair) => pair.public_key().as_ref(),
            Pair::Rsa(pair) => pair.public().as_ref(),
        }
    }

    /// The header of a good token.
    pub(crate) fn header(&self) -> Value {
        let algorithm = match self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        };
        json!({"typ": "JWT", "alg": algorithm, "kid": self.id})
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header(), claims)
    }

    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let message = joined(header, claims);
        let signature = self.sign(message.as_bytes());
        format!("{message}.{}", encode(signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// The signed part of a token.
pub(crate) fn joined(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string()), encode(claims.to_string()))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Documents by URL, shared by clones. Every other URL is unreachable.
#[derive(Clone, Default)]
pub(crate) struct Documents(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    documents: HashMap<String, Vec<u8>>,
    fetched: Vec<String>,
}

impl Documents {
    pub(crate) fn put(&self, url: &str, document: &Value) {
        self.put_bytes(url, document.to_string().as_bytes());
    }

    pub(crate) fn put_bytes(&self, url: &str, document: &[u8]) {
        self.0.lock().unwrap().documents.insert(url.to_owned(), document.to_vec());
    }

    /// Makes every URL unreachable.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().documents.clear();
    }

    /// The number of fetches, failed ones included.
    pub(crate) fn fetch_count(&self) -> usize {
        self.fetched().len()
    }

    /// The fetched URLs in order.
    pub(crate) fn fetched(&self) -> Vec<String> {
        self.0.lock().unwrap().fetched.clone()
    }
}

impl FetchJson for Documents {
    async fn fetch(&self, url: &Url) -> Result<Vec<u8>, OidcFault> {
        self.0.lock().unwrap().fetched.push(url.to_string());
        // Lets concurrent callers get here.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let document = self.0.lock().unwrap().documents.get(url.as_str()).cloned();
        document.ok_or(OidcFault::Unreachable { url: url.clone(), reason: "no connection" })
    }
}
