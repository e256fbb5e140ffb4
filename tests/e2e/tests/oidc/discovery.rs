//! Where the issuer itself says its keys are.

use doorbell_functions::auth::oidc::limits::KEYS_FRESH;
use doorbell_functions::auth::oidc::{Oidc, OidcFault, Verdict};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, ISSUER, KEYS, Signer, Web, after, claims, config, key_set, start};

const DISCOVERY: &str = "https://issuer.example/realm/.well-known/openid-configuration";

/// What a web with this discovery document makes of a good token.
async fn verdict(document: &Value) -> Result<Verdict, OidcFault> {
    let signer = Signer::es256("ec");
    let web = Web::default();
    web.put(DISCOVERY, document);
    web.put(KEYS, &key_set(&[&signer]));
    let oidc = Oidc::new(config(&[("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE)]), web);
    oidc.verify(&signer.token(&claims()), start()).await
}

fn wanted(fault: Result<Verdict, OidcFault>) -> &'static str {
    match fault {
        Err(OidcFault::Unreadable { url, wanted }) if url.as_str() == DISCOVERY => wanted,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn uses_jwks_uri_of_discovery() {
    let verdict = verdict(&json!({"issuer": ISSUER, "jwks_uri": KEYS, "userinfo_endpoint": "x"})).await;
    assert!(matches!(verdict, Ok(Verdict::Valid(_))), "{verdict:?}");
}

#[tokio::test]
async fn each_refresh_repeats_discovery() {
    let signer = Signer::es256("ec");
    let web = Web::default();
    web.put(DISCOVERY, &json!({"issuer": ISSUER, "jwks_uri": KEYS}));
    web.put(KEYS, &key_set(&[&signer]));
    let oidc = Oidc::new(config(&[("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE)]), web.clone());
    oidc.verify(&signer.token(&claims()), start()).await.unwrap();

    let moved = "https://keys.example/moved";
    web.put(DISCOVERY, &json!({"issuer": ISSUER, "jwks_uri": moved}));
    web.put(moved, &key_set(&[&signer]));
    oidc.verify(&signer.token(&claims()), after(KEYS_FRESH.as_secs())).await.unwrap();
    assert_eq!(web.fetched(), [DISCOVERY, KEYS, DISCOVERY, moved]);
}

#[tokio::test]
async fn document_of_other_issuer_is_a_fault() {
    let document = json!({"issuer": "https://other.example", "jwks_uri": KEYS});
    assert_eq!(wanted(verdict(&document).await), "the discovery document of the configured issuer");
}

#[tokio::test]
async fn rejects_insecure_jwks_uri() {
    for unsafe_url in ["http://keys.example/jwks", "file:///etc/keys", "/jwks", ""] {
        let document = json!({"issuer": ISSUER, "jwks_uri": unsafe_url});
        assert_eq!(wanted(verdict(&document).await), "a discovery document with a safe jwks_uri");
    }
}

#[tokio::test]
async fn garbage_is_a_fault() {
    for garbage in
        [json!({}), json!(null), json!({"issuer": ISSUER}), json!({"issuer": ISSUER, "jwks_uri": 1})]
    {
        assert_eq!(wanted(verdict(&garbage).await), "a discovery document");
    }
}
