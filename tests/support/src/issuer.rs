//! An OIDC issuer on loopback, with a new key.

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbell_functions::auth::oidc::{HttpFetch, Oidc, OidcConfig, http_client};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Signs with ES256 and publishes its key. Ends with the test's tokio runtime.
pub struct Issuer {
    url: String,
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    /// Generates a key and serves it.
    pub async fn start() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let point = key.public_key().as_ref();
        let jwks = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "key-1",
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        }]});
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().route("/jwks", get(move || async move { jwks.to_string() }));
        tokio::spawn(async { axum::serve(listener, app).await });
        Self { url, key, random }
    }

    /// A verifier that trusts this issuer.
    pub fn oidc(&self) -> Oidc {
        let config = OidcConfig::from_lookup(|name| match name {
            "DOORBELL_OIDC_ISSUER" => Some(self.url.clone()),
            "DOORBELL_OIDC_AUDIENCE" => Some("doorbell".to_owned()),
            "DOORBELL_OIDC_JWKS_URL" => Some(format!("{}/jwks", self.url)),
            _ => None,
        });
        Oidc::new(config.unwrap().unwrap(), HttpFetch::new(http_client().unwrap()))
    }

    /// Claims of a user in `workspaces` until `expires` (epoch seconds).
    pub fn claims(&self, workspaces: &[&str], expires: i64) -> Value {
        let (issuer, audience) = (&self.url, "doorbell");
        json!({"iss": issuer, "aud": audience, "sub": "user", "exp": expires, "doorbell_workspaces": workspaces})
    }

    /// A signed JWT with `claims`.
    pub fn sign(&self, claims: &Value) -> String {
        let signed = unsigned(&json!({"alg": "ES256", "kid": "key-1", "typ": "JWT"}), claims);
        let signature = self.key.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The signed part of a JWT.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
