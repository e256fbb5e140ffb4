//! Claims of tokens with a valid signature.

use std::time::Duration;

use doorbell_functions::auth::oidc::limits::LEEWAY;
use doorbell_functions::auth::oidc::{DeniedReason, Oidc, Verification};
use doorbell_functions::auth::{self, AuthorizerEvent};
use doorbell_protocol::Timestamp;
use doorbell_shared::access::Workspaces;
use doorbell_shared::http::AppState;
use doorbell_shared::http::input::{AuthorizerContext, Caller};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::token_id::TokenId;
use serde_json::{Value, json};

use crate::oidc::fixtures::{
    AUDIENCE, ISSUER, Issuer, KEYS, START, Signer, WORKSPACE, claims, config, start, with,
};

const OTHER: &str = "00000000-0000-4000-8000-00000000000b";

/// The result for a token with these changes at `now`.
async fn verify_at(changes: Value, now: Timestamp) -> Verification {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    issuer.verify(&signer.token(&with(claims(), changes)), now).await.unwrap()
}

async fn assert_denied(changes: Value, reason: DeniedReason) {
    assert_eq!(verify_at(changes.clone(), start()).await, Verification::Denied(reason), "{changes}");
}

async fn workspaces(claim: Value) -> Vec<String> {
    match verify_at(json!({"doorbell_workspaces": claim}), start()).await {
        Verification::Valid(identity) => identity.workspaces.iter().map(|id| id.to_string()).collect(),
        Verification::Denied(reason) => panic!("{reason}"),
    }
}

#[tokio::test]
async fn denies_other_issuer() {
    for issuer in
        ["https://other.example", "https://issuer.example/realm/", "HTTPS://issuer.example/realm", ""]
    {
        assert_denied(json!({ "iss": issuer }), DeniedReason::WrongIssuer).await;
    }
    assert_denied(json!({"iss": [ISSUER]}), DeniedReason::WrongIssuer).await;
    assert_denied(json!({"iss": [ISSUER, "https://other.example"]}), DeniedReason::WrongIssuer).await;
}

#[tokio::test]
async fn denies_other_audience() {
    for audience in [json!("other"), json!("Doorbell"), json!(["other"]), json!([]), json!("")] {
        assert_denied(json!({ "aud": audience }), DeniedReason::WrongAudience).await;
    }
    for audience in [json!(1), json!([AUDIENCE, 1]), json!({"doorbell": true})] {
        assert_denied(json!({ "aud": audience }), DeniedReason::MissingClaim).await;
    }
}

#[tokio::test]
async fn accepts_additional_audience() {
    let result = verify_at(json!({"aud": ["other", AUDIENCE]}), start()).await;
    assert!(matches!(result, Verification::Valid(_)));
}

#[tokio::test]
async fn denies_missing_or_malformed_claims() {
    for claim in ["iss", "aud", "exp", "sub"] {
        assert_denied(json!({ claim: null }), DeniedReason::MissingClaim).await;
    }
    assert_denied(json!({"sub": ""}), DeniedReason::MissingClaim).await;
    assert_denied(json!({"sub": 7}), DeniedReason::MissingClaim).await;
    assert_denied(json!({"exp": "tomorrow"}), DeniedReason::MissingClaim).await;
    assert_denied(json!({"exp": -1}), DeniedReason::MissingClaim).await;
    assert_denied(json!({"nbf": "yesterday"}), DeniedReason::MalformedClaim).await;
}

#[tokio::test]
async fn accepts_until_expiry_plus_leeway() {
    let moment = Duration::from_millis(1);
    let expires = start() + Duration::from_secs(100) + LEEWAY;
    for exp in [json!(START + 100), json!((START + 100) as f64)] {
        let last = verify_at(json!({ "exp": exp }), expires - moment).await;
        assert!(matches!(last, Verification::Valid(_)), "{last:?}");
        let late = verify_at(json!({ "exp": exp }), expires).await;
        assert_eq!(late, Verification::Denied(DeniedReason::Expired));
    }
    let fraction = json!({"exp": START as f64 + 100.5});
    let last = verify_at(fraction.clone(), expires + Duration::from_millis(499)).await;
    assert!(matches!(last, Verification::Valid(_)), "{last:?}");
    let late = verify_at(fraction, expires + Duration::from_millis(500)).await;
    assert_eq!(late, Verification::Denied(DeniedReason::Expired));
}

#[tokio::test]
async fn accepts_from_nbf_minus_leeway() {
    let begins = start() + Duration::from_secs(100) - LEEWAY;
    let nbf = json!({"nbf": START + 100});
    let early = verify_at(nbf.clone(), begins - Duration::from_millis(1)).await;
    assert_eq!(early, Verification::Denied(DeniedReason::NotYetValid));
    let first = verify_at(nbf, begins).await;
    assert!(matches!(first, Verification::Valid(_)), "{first:?}");
}

#[tokio::test]
async fn denies_long_expired_token() {
    assert_denied(json!({"exp": 0}), DeniedReason::Expired).await;
    assert_denied(json!({"exp": START - 3600}), DeniedReason::Expired).await;
}

#[tokio::test]
async fn workspaces_claim_is_list_or_text() {
    assert_eq!(workspaces(json!([WORKSPACE, OTHER, WORKSPACE])).await, [WORKSPACE, OTHER]);
    assert_eq!(workspaces(json!(OTHER)).await, [OTHER]);
}

#[tokio::test]
async fn missing_claim_means_no_workspaces() {
    let nowhere: [&str; 0] = [];
    assert_eq!(workspaces(Value::Null).await, nowhere);
    assert_eq!(workspaces(json!([])).await, nowhere);
}

#[tokio::test]
async fn denies_malformed_workspaces() {
    for claim in [
        json!(""),
        json!("00000000-0000-4000-8000-00000000000A"),
        json!("{00000000-0000-4000-8000-00000000000a}"),
        json!(format!("{WORKSPACE} {OTHER}")),
        json!([WORKSPACE, "*"]),
        json!([WORKSPACE, 1]),
        json!([WORKSPACE, null]),
        json!([[WORKSPACE]]),
        json!({ WORKSPACE: true }),
        json!(1),
        json!(true),
    ] {
        assert_denied(json!({"doorbell_workspaces": claim}), DeniedReason::MalformedClaim).await;
    }
    let mut null = claims();
    null["doorbell_workspaces"] = Value::Null;
    let signer = Signer::es256("ec");
    let reason = Issuer::with(&[&signer]).denies(&signer.token(&null), start()).await;
    assert_eq!(reason, DeniedReason::MalformedClaim);
}

#[tokio::test]
async fn workspaces_claim_is_configurable() {
    let signer = Signer::es256("ec");
    let documents = Issuer::with(&[&signer]).documents;
    let name = "https://issuer.example/claims/workspaces";
    let variables =
        [("ISSUER", ISSUER), ("AUDIENCE", AUDIENCE), ("JWKS_URL", KEYS), ("WORKSPACES_CLAIM", name)];
    let oidc = Oidc::new(config(&variables), documents);
    let token = signer.token(&with(claims(), json!({ name: [OTHER] })));
    let Verification::Valid(identity) = oidc.verify(&token, start()).await.unwrap() else { panic!("denied") };
    assert_eq!(identity.workspaces, Workspaces::of(OTHER.parse().unwrap()));
}

/// The authorizer's context of a JWT with these changes.
async fn context(changes: Value) -> AuthorizerContext {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let state = AppState::new(MemoryStore::default());
    // The authorizer uses the real clock.
    let changes = with(changes, json!({"exp": START + 10 * 365 * 24 * 3600}));
    let header = format!("Bearer {}", signer.token(&with(claims(), changes)));
    let event = AuthorizerEvent::new([("authorization".to_owned(), header)]);
    match auth::handle(&state, Some(&issuer.oidc), &event).await.unwrap().context {
        Caller::Known(context) => context,
        Caller::Anonymous => panic!("anonymous"),
    }
}

/// A JWT lives for minutes, so its id is that of its subject.
#[tokio::test]
async fn token_id_identifies_the_subject() {
    let one = context(json!({"jti": "1"})).await;
    let other_token = context(json!({"jti": "2"})).await;
    let other_subject = context(json!({"sub": "user-2"})).await;
    assert_eq!((one.subject.as_str(), one.token_id), ("user-1", Some(TokenId::of_subject("user-1"))));
    assert_eq!(other_token.token_id, one.token_id);
    assert_ne!(other_subject.token_id, one.token_id);
}

/// API Gateway writes the subject into its access log. The token id is derived from the whole subject.
#[tokio::test]
async fn subject_is_loggable() {
    let long = format!("a\"b\n{}", "c".repeat(300));
    let context = context(json!({ "sub": long })).await;
    assert_eq!(context.subject, format!("a\u{fffd}b\u{fffd}{}", "c".repeat(196)));
    assert_eq!(context.token_id, Some(TokenId::of_subject(&long)));
}
