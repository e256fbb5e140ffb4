//! Headers and signatures: tokens that are denied before or by the check of the signature.

use doorbell_functions::auth::oidc::limits::TOKEN_BYTES;
use doorbell_functions::auth::oidc::{DeniedReason, Verification};
use ring::hmac;
use serde_json::{Value, json};

use crate::oidc::fixtures::{Issuer, KEYS, Signer, WORKSPACE, claims, decode, encode, joined, start, with};

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
    assert_eq!(issuer.documents.fetch_count(), 0);
}

#[tokio::test]
async fn denies_critical_extensions() {
    let ec = Signer::es256("ec");
    let issuer = Issuer::with(&[&ec]);
    let header = json!({"crit": ["b64"], "b64": false});
    assert_eq!(denied(&issuer, &ec, header).await, DeniedReason::CriticalExtension);
    assert_eq!(denied(&issuer, &ec, json!({"crit": []})).await, DeniedReason::CriticalExtension);
}

/// A valid token of that length. Padded claims alone do not reach every length: base64 has four characters for three bytes.
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
    assert_eq!(issuer.documents.fetch_count(), 0);
}

#[tokio::test]
async fn a_token_signed_with_es256_or_rs256_speaks_for_its_subject() {
    let (ec, rsa) = (Signer::es256("ec"), Signer::rs256("rsa"));
    let issuer = Issuer::with(&[&ec, &rsa]);
    for signer in [&ec, &rsa] {
        let Verification::Valid(identity) = issuer.verify(&signer.token(&claims()), start()).await.unwrap()
        else {
            panic!("denied: {}", signer.header());
        };
        assert_eq!(identity.subject, "user-1");
        let workspaces: Vec<_> = identity.workspaces.iter().map(|workspace| workspace.to_string()).collect();
        assert_eq!(workspaces, [WORKSPACE]);
    }
}

#[tokio::test]
async fn denies_hmac_with_public_key() {
    let (ec, rsa) = (Signer::es256("ec"), Signer::rs256("rsa"));
    let issuer = Issuer::with(&[&ec, &rsa]);
    let algorithms =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    for signer in [&ec, &rsa] {
        let jwk = signer.jwk().to_string();
        let secrets: [&[u8]; 3] = [signer.public_key(), jwk.as_bytes(), b""];
        for ((name, algorithm), secret) in algorithms.into_iter().flat_map(|a| secrets.map(|s| (a, s))) {
            let message = joined(&with(signer.header(), json!({"alg": name})), &claims());
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes());
            let token = format!("{message}.{}", encode(tag));
            assert_eq!(issuer.denies(&token, start()).await, DeniedReason::AlgorithmNotAllowed);
        }
    }
}

#[tokio::test]
async fn denies_unsigned_tokens() {
    let ec = Signer::es256("ec");
    let issuer = Issuer::with(&[&ec]);
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = with(ec.header(), json!({"alg": none}));
        let message = joined(&header, &claims());
        for token in [format!("{message}."), message.clone(), ec.token_with(&header, &claims())] {
            assert_eq!(issuer.denies(&token, start()).await, DeniedReason::Malformed, "{none}");
        }
    }
    let without_signature = format!("{}.", joined(&ec.header(), &claims()));
    assert_eq!(issuer.denies(&without_signature, start()).await, DeniedReason::BadSignature);
}

#[tokio::test]
async fn denies_other_algorithms() {
    let ec = Signer::es256("ec");
    let issuer = Issuer::with(&[&ec]);
    for algorithm in ["ES384", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"] {
        let token = ec.token_with(&with(ec.header(), json!({"alg": algorithm})), &claims());
        assert_eq!(issuer.denies(&token, start()).await, DeniedReason::AlgorithmNotAllowed, "{algorithm}");
    }
    assert_eq!(issuer.documents.fetch_count(), 0, "such a token is not worth a fetch");
}

#[tokio::test]
async fn denies_key_with_other_algorithm() {
    let (ec, rsa) = (Signer::es256("ec"), Signer::rs256("rsa"));
    let issuer = Issuer::with(&[&ec, &rsa]);
    for (signer, algorithm) in [(&ec, "RS256"), (&rsa, "ES256")] {
        let token = signer.token_with(&with(signer.header(), json!({"alg": algorithm})), &claims());
        assert_eq!(issuer.denies(&token, start()).await, DeniedReason::KeyMismatch, "{algorithm}");
    }
}

#[tokio::test]
async fn same_key_id_with_two_algorithms() {
    let (ec, rsa) = (Signer::es256("same"), Signer::rs256("same"));
    let issuer = Issuer::with(&[&ec, &rsa]);
    assert!(issuer.accepts(&ec.token(&claims()), start()).await);
    assert!(issuer.accepts(&rsa.token(&claims()), start()).await);
}

#[tokio::test]
async fn denies_changed_token() {
    let (ec, rsa) = (Signer::es256("ec"), Signer::rs256("rsa"));
    let issuer = Issuer::with(&[&ec, &rsa]);
    for signer in [&ec, &rsa] {
        let good = signer.token(&claims());
        let (message, signature) = good.rsplit_once('.').unwrap();
        let other_claims = joined(&signer.header(), &with(claims(), json!({"sub": "user-2"})));
        let other_header = joined(&with(signer.header(), json!({"typ": "at+jwt"})), &claims());
        let other_token = signer.token(&with(claims(), json!({"sub": "user-2"})));
        let (_, other_signature) = other_token.rsplit_once('.').unwrap();
        for token in [
            format!("{other_claims}.{signature}"),
            format!("{other_header}.{signature}"),
            format!("{message}.{other_signature}"),
            format!("{message}.{}", encode([0; 64])),
            format!("{message}.{}", encode([0; 256])),
            format!("{message}.{}", encode(signature)),
            format!("{message}.{}", encode(&decode(signature)[1..])),
        ] {
            assert_eq!(issuer.denies(&token, start()).await, DeniedReason::BadSignature);
        }
    }
}

#[tokio::test]
async fn denies_other_key_with_same_id() {
    let issuer = Issuer::with(&[&Signer::es256("ec")]);
    let other = Signer::es256("ec");
    assert_eq!(issuer.denies(&other.token(&claims()), start()).await, DeniedReason::BadSignature);
}

#[tokio::test]
async fn ignores_key_in_header() {
    let issuer = Issuer::with(&[&Signer::es256("ec")]);
    let other = Signer::es256("ec");
    let link = "https://other.example/jwks";
    let header = with(other.header(), json!({"jwk": other.jwk(), "jku": link, "x5u": link}));
    let token = other.token_with(&header, &claims());
    assert_eq!(issuer.denies(&token, start()).await, DeniedReason::BadSignature);
    assert_eq!(issuer.documents.fetched(), [KEYS]);
}

#[tokio::test]
async fn accepts_modulus_with_sign_byte() {
    let rsa = Signer::rs256("rsa");
    let issuer = Issuer::unreachable();
    let modulus = decode(rsa.jwk()["n"].as_str().unwrap());
    let padded = encode([&[0], modulus.as_slice()].concat());
    issuer.documents.put(KEYS, &json!({"keys": [with(rsa.jwk(), json!({"n": padded}))]}));
    assert!(issuer.accepts(&rsa.token(&claims()), start()).await);
}
