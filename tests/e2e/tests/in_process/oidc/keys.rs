//! The cache of keys: when it is refreshed, and what an outage of the issuer means.

use doorbell_functions::auth::oidc::limits::{KEYS_FRESH, KEYS_USABLE, REFRESH_FLOOR, RETRY_FLOOR};
use doorbell_functions::auth::oidc::{DeniedReason, OidcFault, Verification};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::json;

use crate::oidc::fixtures::{Issuer, KEYS, Signer, after, claims, start, with};

#[tokio::test]
async fn fetch_count_keys_once() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    assert_eq!(issuer.documents.fetch_count(), 0);
    let token = signer.token(&claims());
    for seconds in [0, 1, 59, 60, 61, KEYS_FRESH.as_secs() - 1] {
        assert!(issuer.accepts(&token, after(seconds)).await);
    }
    assert_eq!(issuer.documents.fetched(), [KEYS]);
}

#[tokio::test]
async fn refetches_for_unknown_key_after_floor() {
    let signer = Signer::es256("known");
    let issuer = Issuer::with(&[&signer]);
    assert!(issuer.accepts(&signer.token(&claims()), start()).await);

    let unknown = Signer::es256("unknown").token(&claims());
    let floor = REFRESH_FLOOR.as_secs();
    for (seconds, fetches) in [(0, 1), (floor - 1, 1), (floor, 2), (floor + 1, 2), (2 * floor, 3)] {
        assert_eq!(issuer.denies(&unknown, after(seconds)).await, DeniedReason::UnknownKey);
        assert_eq!(issuer.documents.fetch_count(), fetches, "at {seconds} s");
    }
}

#[tokio::test]
async fn unknown_key_with_empty_cache_costs_one_fetch() {
    let issuer = Issuer::with(&[&Signer::es256("known")]);
    let unknown = Signer::es256("unknown").token(&claims());
    assert_eq!(issuer.denies(&unknown, start()).await, DeniedReason::UnknownKey);
    assert_eq!(issuer.denies(&unknown, after(1)).await, DeniedReason::UnknownKey);
    assert_eq!(issuer.documents.fetch_count(), 1);
}

#[tokio::test]
async fn finds_rotated_key() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let issuer = Issuer::with(&[&old]);
    assert!(issuer.accepts(&old.token(&claims()), start()).await);

    issuer.publish(&[&old, &new]);
    let token = new.token(&claims());
    let floor = REFRESH_FLOOR.as_secs();
    assert_eq!(issuer.denies(&token, after(floor - 1)).await, DeniedReason::UnknownKey);
    assert!(issuer.accepts(&token, after(floor)).await);
    assert!(issuer.accepts(&old.token(&claims()), after(floor)).await);
    assert_eq!(issuer.documents.fetch_count(), 2);
}

#[tokio::test]
async fn withdrawn_key_is_valid_for_an_hour() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let issuer = Issuer::with(&[&old]);
    let token = old.token(&claims());
    assert!(issuer.accepts(&token, start()).await);

    issuer.publish(&[&new]);
    let fresh = KEYS_FRESH.as_secs();
    assert!(issuer.accepts(&token, after(fresh - 1)).await);
    assert_eq!(issuer.denies(&token, after(fresh)).await, DeniedReason::UnknownKey);
}

#[tokio::test]
async fn replaced_key_is_withdrawn() {
    let (old, new) = (Signer::es256("same"), Signer::es256("same"));
    let issuer = Issuer::with(&[&old]);
    assert!(issuer.accepts(&old.token(&claims()), start()).await);

    issuer.publish(&[&new]);
    let fresh = KEYS_FRESH.as_secs();
    assert_eq!(issuer.denies(&old.token(&claims()), after(fresh)).await, DeniedReason::BadSignature);
    assert!(issuer.accepts(&new.token(&claims()), after(fresh)).await);
}

#[tokio::test]
async fn ignores_encryption_keys() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::unreachable();
    issuer.documents.put(KEYS, &json!({"keys": [with(signer.jwk(), json!({"use": "enc"}))]}));
    assert_eq!(issuer.denies(&signer.token(&claims()), start()).await, DeniedReason::UnknownKey);
}

#[tokio::test]
async fn concurrent_first_calls_fetch_once() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let token = signer.token(&claims());
    let results = join_all((0..50).map(|second| issuer.verify(&token, after(second)))).await;
    assert!(results.iter().all(|result| matches!(result, Ok(Verification::Valid(_)))), "{results:?}");
    assert_eq!(issuer.documents.fetch_count(), 1);
}

#[tokio::test]
async fn concurrent_calls_with_stale_keys_fetch_once() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let token = signer.token(&claims());
    assert!(issuer.accepts(&token, start()).await);
    let late = after(KEYS_FRESH.as_secs());
    let results = join_all((0..50).map(|_| issuer.verify(&token, late))).await;
    assert!(results.iter().all(|result| matches!(result, Ok(Verification::Valid(_)))), "{results:?}");
    assert_eq!(issuer.documents.fetch_count(), 2);
}

#[tokio::test]
async fn known_key_does_not_wait_for_fetch() {
    let signer = Signer::es256("known");
    let issuer = Issuer::with(&[&signer]);
    let (known, unknown) = (signer.token(&claims()), Signer::es256("unknown").token(&claims()));
    assert!(issuer.accepts(&known, start()).await);

    let later = after(REFRESH_FLOOR.as_secs());
    let mut asking = Box::pin(issuer.verify(&unknown, later));
    assert_eq!(asking.as_mut().now_or_never(), None);
    assert!(issuer.accepts(&known, later).now_or_never().unwrap());
    assert_eq!(asking.await, Ok(Verification::Denied(DeniedReason::UnknownKey)));
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_keep_the_others_from_asking() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let token = signer.token(&claims());
    let mut asking = Box::pin(issuer.verify(&token, start()));
    assert_eq!(asking.as_mut().now_or_never(), None);
    drop(asking);
    assert!(issuer.accepts(&token, start()).await);
}

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
        assert_eq!(issuer.documents.fetch_count(), fetches, "at {seconds} s");
    }
    issuer.publish(&[&signer]);
    assert_eq!(issuer.verify(&token, after(2 * retry - 1)).await, Err(unreachable()));
    assert!(issuer.accepts(&token, after(2 * retry)).await);
}

#[tokio::test]
async fn concurrent_calls_share_one_failure() {
    let issuer = Issuer::unreachable();
    let token = Signer::es256("ec").token(&claims());
    let results = join_all((0..50).map(|_| issuer.verify(&token, start()))).await;
    assert!(results.iter().all(|result| *result == Err(unreachable())));
    assert_eq!(issuer.documents.fetch_count(), 1);
}

#[tokio::test]
async fn garbage_is_a_fault() {
    let token = Signer::es256("ec").token(&claims());
    for garbage in
        ["", "<html>Bad gateway</html>", "{}", "[]", "null", r#"{"keys": 1}"#, r#"{"error": "busy"}"#]
    {
        let issuer = Issuer::unreachable();
        issuer.documents.put_bytes(KEYS, garbage.as_bytes());
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

    issuer.documents.clear();
    let usable = KEYS_USABLE.as_secs();
    for seconds in [KEYS_FRESH.as_secs(), KEYS_FRESH.as_secs() + 1, usable - 1] {
        assert!(issuer.accepts(&token, after(seconds)).await, "at {seconds} s");
    }
    assert_eq!(issuer.documents.fetch_count(), 3, "asked twice since, and spared once");
    assert_eq!(issuer.verify(&token, after(usable)).await, Err(unreachable()));
    assert_eq!(issuer.verify(&token, after(usable + 1)).await, Err(unreachable()));
}

#[tokio::test]
async fn garbage_keeps_cached_keys() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let token = signer.token(&claims());
    assert!(issuer.accepts(&token, start()).await);
    issuer.documents.put_bytes(KEYS, b"<html>");
    assert!(issuer.accepts(&token, after(KEYS_FRESH.as_secs())).await);
}

#[tokio::test]
async fn unknown_key_during_outage_is_a_fault() {
    let signer = Signer::es256("known");
    let issuer = Issuer::with(&[&signer]);
    let (known, unknown) = (signer.token(&claims()), Signer::es256("unknown").token(&claims()));
    assert!(issuer.accepts(&known, start()).await);

    issuer.documents.clear();
    let floor = REFRESH_FLOOR.as_secs();
    assert_eq!(issuer.denies(&unknown, after(floor - 1)).await, DeniedReason::UnknownKey);
    assert_eq!(issuer.verify(&unknown, after(floor)).await, Err(unreachable()));
    assert_eq!(issuer.verify(&unknown, after(floor + 1)).await, Err(unreachable()));
    assert_eq!(issuer.documents.fetch_count(), 2);
    assert!(issuer.accepts(&known, after(floor + 1)).await);
}

#[tokio::test]
async fn forged_token_stays_denied_during_outage() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    assert!(issuer.accepts(&signer.token(&claims()), start()).await);
    issuer.documents.clear();
    let forged = Signer::es256("ec").token(&claims());
    assert_eq!(issuer.denies(&forged, after(KEYS_FRESH.as_secs())).await, DeniedReason::BadSignature);
}
