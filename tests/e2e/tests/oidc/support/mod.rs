//! An issuer with keys made on the spot, and what it says in its tokens.

mod sign;
mod web;

use std::time::Duration;

use doorbell_functions::auth::oidc::{DeniedReason, Oidc, OidcConfig, OidcFault, Verdict};
use doorbell_protocol::Timestamp;
use serde_json::{Value, json};

pub(crate) use sign::{Signer, decode, encode, joined};
pub(crate) use web::Web;

pub(crate) const ISSUER: &str = "https://issuer.example/realm";
pub(crate) const AUDIENCE: &str = "doorbell";
pub(crate) const KEYS: &str = "https://keys.example/jwks";
pub(crate) const WORKSPACE: &str = "00000000-0000-4000-8000-00000000000a";

/// Seconds since the epoch at which every test begins.
pub(crate) const START: i64 = 1_795_318_867;

/// The beginning of every test.
pub(crate) fn start() -> Timestamp {
    Timestamp::from_millis(START * 1000).unwrap()
}

/// That many seconds after [`start`].
pub(crate) fn after(seconds: u64) -> Timestamp {
    start() + Duration::from_secs(seconds)
}

/// What a good token says.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "person-1",
        "exp": START + 7 * 24 * 3600,
        "doorbell_workspaces": [WORKSPACE],
    })
}

/// `value` with the fields of `changes`; `null` takes a field away.
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

/// An issuer that publishes its keys at [`KEYS`], and a verifier that trusts it.
pub(crate) struct Issuer {
    pub(crate) web: Web,
    pub(crate) oidc: Oidc<Web>,
}

impl Issuer {
    /// With the keys of these signers.
    pub(crate) fn with(signers: &[&Signer]) -> Self {
        let issuer = Self::unreachable();
        issuer.publish(signers);
        issuer
    }

    /// Not there.
    pub(crate) fn unreachable() -> Self {
        let web = Web::default();
        let config = config(&[("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE), ("JWKS_URL", KEYS)]);
        Self { oidc: Oidc::new(config, web.clone()), web }
    }

    /// Has these signers' keys and no others from now on.
    pub(crate) fn publish(&self, signers: &[&Signer]) {
        self.web.put(KEYS, &key_set(signers));
    }

    pub(crate) async fn verify(&self, token: &str, now: Timestamp) -> Result<Verdict, OidcFault> {
        self.oidc.verify(token, now).await
    }

    /// Why `token` is denied, which it must be.
    pub(crate) async fn denies(&self, token: &str, now: Timestamp) -> DeniedReason {
        match self.verify(token, now).await.unwrap() {
            Verdict::Denied(reason) => reason,
            Verdict::Valid(identity) => panic!("valid: {identity:?}"),
        }
    }

    /// Whether `token` is good: neither denied nor undecided.
    pub(crate) async fn accepts(&self, token: &str, now: Timestamp) -> bool {
        matches!(self.verify(token, now).await, Ok(Verdict::Valid(_)))
    }
}

/// The JWK set of these signers.
pub(crate) fn key_set(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() })
}
