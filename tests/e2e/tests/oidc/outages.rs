//! An issuer that does not answer is never a yes, and never a no either.

use doorbell_functions::auth::oidc::limits::{KEYS_FRESH, KEYS_USABLE, REFRESH_FLOOR, RETRY_FLOOR};
use doorbell_functions::auth::oidc::{DeniedReason, OidcFault};
use futures_util::future::join_all;

use crate::support::{Issuer, KEYS, Signer, after, claims, start};

fn unreachable() -> OidcFault {
    OidcFault::Unreachable { url: KEYS.parse().unwrap(), reason: "no connection" }
}

#[tokio::test]
async fn unreachable_without_cached_keys_is_a_fault() {
    let issuer = Issuer::unreachable();
    let token = Signer::es256("ec").token(&claims());
    assert_eq!(issuer.verify(&token, start()).await, Err(unreachable()));
}

#[tokio::test]
async fn retries_after_retry_floor() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::unreachable();
    let token = signer.token(&claims());
    let retry = RETRY_FLOOR.as_secs();
    for (seconds, fetches) in [(0, 1), (retry - 1, 1), (retry, 2), (retry + 1, 2)] {
        assert_eq!(issuer.verify(&token, after(seconds)).await, Err(unreachable()));
        assert_eq!(issuer.web.fetches(), fetches, "at {seconds} s");
    }
    issuer.publish(&[&signer]);
    assert_eq!(issuer.verify(&token, after(2 * retry - 1)).await, Err(unreachable()));
    assert!(issuer.accepts(&token, after(2 * retry)).await);
}

#[tokio::test]
async fn concurrent_calls_share_one_failure() {
    let issuer = Issuer::unreachable();
    let token = Signer::es256("ec").token(&claims());
    let verdicts = join_all((0..50).map(|_| issuer.verify(&token, start()))).await;
    assert!(verdicts.iter().all(|verdict| *verdict == Err(unreachable())));
    assert_eq!(issuer.web.fetches(), 1);
}

#[tokio::test]
async fn garbage_is_a_fault() {
    let token = Signer::es256("ec").token(&claims());
    for garbage in
        ["", "<html>Bad gateway</html>", "{}", "[]", "null", r#"{"keys": 1}"#, r#"{"error": "busy"}"#]
    {
        let issuer = Issuer::unreachable();
        issuer.web.put_bytes(KEYS, garbage.as_bytes());
        let expected = OidcFault::Unreadable { url: KEYS.parse().unwrap(), wanted: "a JWK set" };
        assert_eq!(issuer.verify(&token, start()).await, Err(expected), "{garbage}");
    }
}

#[tokio::test]
async fn cached_keys_outlast_outage_by_a_day() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let token = signer.token(&claims());
    assert!(issuer.accepts(&token, start()).await);

    issuer.web.tear();
    let usable = KEYS_USABLE.as_secs();
    for seconds in [KEYS_FRESH.as_secs(), KEYS_FRESH.as_secs() + 1, usable - 1] {
        assert!(issuer.accepts(&token, after(seconds)).await, "at {seconds} s");
    }
    assert_eq!(issuer.web.fetches(), 3, "asked twice since, and spared once");
    assert_eq!(issuer.verify(&token, after(usable)).await, Err(unreachable()));
    assert_eq!(issuer.verify(&token, after(usable + 1)).await, Err(unreachable()));
}

#[tokio::test]
async fn garbage_keeps_cached_keys() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let token = signer.token(&claims());
    assert!(issuer.accepts(&token, start()).await);
    issuer.web.put_bytes(KEYS, b"<html>");
    assert!(issuer.accepts(&token, after(KEYS_FRESH.as_secs())).await);
}

#[tokio::test]
async fn unknown_key_during_outage_is_a_fault() {
    let signer = Signer::es256("known");
    let issuer = Issuer::with(&[&signer]);
    let (known, unknown) = (signer.token(&claims()), Signer::es256("unknown").token(&claims()));
    assert!(issuer.accepts(&known, start()).await);

    issuer.web.tear();
    let floor = REFRESH_FLOOR.as_secs();
    assert_eq!(issuer.denies(&unknown, after(floor - 1)).await, DeniedReason::UnknownKey);
    assert_eq!(issuer.verify(&unknown, after(floor)).await, Err(unreachable()));
    assert_eq!(issuer.verify(&unknown, after(floor + 1)).await, Err(unreachable()));
    assert_eq!(issuer.web.fetches(), 2);
    assert!(issuer.accepts(&known, after(floor + 1)).await);
}

#[tokio::test]
async fn forged_token_stays_denied_during_outage() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    assert!(issuer.accepts(&signer.token(&claims()), start()).await);
    issuer.web.tear();
    let forged = Signer::es256("ec").token(&claims());
    assert_eq!(issuer.denies(&forged, after(KEYS_FRESH.as_secs())).await, DeniedReason::BadSignature);
}
