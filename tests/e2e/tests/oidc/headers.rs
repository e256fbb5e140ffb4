//! What is turned away before the issuer is even asked.

use doorbell_functions::auth::oidc::DeniedReason;
use doorbell_functions::auth::oidc::limits::TOKEN_BYTES;
use serde_json::{Value, json};

use crate::support::{Issuer, Signer, claims, encode, start, with};

async fn denied(issuer: &Issuer, signer: &Signer, header: Value) -> DeniedReason {
    issuer.denies(&signer.token_with(&with(signer.header(), header), &claims()), start()).await
}

#[tokio::test]
async fn denies_token_without_key_id() {
    let ec = Signer::es256("ec");
    let issuer = Issuer::with(&[&ec]);
    assert_eq!(denied(&issuer, &ec, json!({"kid": null})).await, DeniedReason::NoKeyId);
    assert_eq!(denied(&issuer, &ec, json!({"kid": ""})).await, DeniedReason::NoKeyId);
    assert_eq!(denied(&issuer, &ec, json!({"kid": 1})).await, DeniedReason::Malformed);
    assert_eq!(issuer.web.fetches(), 0);
}

#[tokio::test]
async fn denies_critical_extensions() {
    let ec = Signer::es256("ec");
    let issuer = Issuer::with(&[&ec]);
    let header = json!({"crit": ["b64"], "b64": false});
    assert_eq!(denied(&issuer, &ec, header).await, DeniedReason::CriticalExtension);
    assert_eq!(denied(&issuer, &ec, json!({"crit": []})).await, DeniedReason::CriticalExtension);
}

/// A good token of just that length. Not every length can be had by padding the claims alone: four characters stand for
/// three bytes.
fn of_length(signer: &Signer, length: usize) -> String {
    let token = |header: usize, payload: usize| {
        let header = with(signer.header(), json!({"typ": "a".repeat(header)}));
        signer.token_with(&header, &with(claims(), json!({"padding": "a".repeat(payload)})))
    };
    let payload = (length - token(0, 0).len()) / 4 * 3;
    let around = (0..3).flat_map(|header| (payload - 6..payload + 6).map(move |payload| (header, payload)));
    around.map(|(header, payload)| token(header, payload)).find(|token| token.len() == length).unwrap()
}

#[tokio::test]
async fn limits_token_length() {
    let ec = Signer::es256("ec");
    let issuer = Issuer::with(&[&ec]);
    assert!(issuer.accepts(&of_length(&ec, TOKEN_BYTES), start()).await);
    assert_eq!(issuer.denies(&of_length(&ec, TOKEN_BYTES + 1), start()).await, DeniedReason::TooLong);
}

#[tokio::test]
async fn denies_malformed_token_without_fetch() {
    let issuer = Issuer::unreachable();
    let header = encode(r#"{"alg": "ES256", "kid": "ec"}"#);
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "dbu_an-opaque-token".to_owned(),
        format!("{header}.e30"),
        format!("a.{header}.e30.AAAA"),
        format!("{header}=.e30.AAAA"),
        format!(" {header}.e30.AAAA"),
        format!("{}.e30.AAAA", encode("[]")),
        format!("{}.e30.AAAA", encode(r#"{"alg": "ES256", "alg": "ES256", "kid": "ec"}"#)),
        format!("{}.e30.AAAA", encode(r#"{"alg": ["ES256"], "kid": "ec"}"#)),
        format!("{}.e30.AAAA", encode([0xff, 0xfe])),
    ] {
        assert_eq!(issuer.denies(&token, start()).await, DeniedReason::Malformed, "{token}");
    }
    assert_eq!(issuer.web.fetches(), 0);
}
