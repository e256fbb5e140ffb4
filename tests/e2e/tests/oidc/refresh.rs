//! When the issuer is asked for its keys.

use doorbell_functions::auth::oidc::limits::{KEYS_FRESH, REFRESH_FLOOR};
use doorbell_functions::auth::oidc::{DeniedReason, Verdict};
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Issuer, KEYS, Signer, after, claims, start, with};

#[tokio::test]
async fn fetches_keys_once() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    assert_eq!(issuer.web.fetches(), 0);
    let token = signer.token(&claims());
    for seconds in [0, 1, 59, 60, 61, KEYS_FRESH.as_secs() - 1] {
        assert!(issuer.accepts(&token, after(seconds)).await);
    }
    assert_eq!(issuer.web.fetched(), [KEYS]);
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
        assert_eq!(issuer.web.fetches(), fetches, "at {seconds} s");
    }
}

#[tokio::test]
async fn unknown_key_with_empty_cache_costs_one_fetch() {
    let issuer = Issuer::with(&[&Signer::es256("known")]);
    let unknown = Signer::es256("unknown").token(&claims());
    assert_eq!(issuer.denies(&unknown, start()).await, DeniedReason::UnknownKey);
    assert_eq!(issuer.denies(&unknown, after(1)).await, DeniedReason::UnknownKey);
    assert_eq!(issuer.web.fetches(), 1);
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
    assert_eq!(issuer.web.fetches(), 2);
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
    issuer.web.put(KEYS, &json!({"keys": [with(signer.jwk(), json!({"use": "enc"}))]}));
    assert_eq!(issuer.denies(&signer.token(&claims()), start()).await, DeniedReason::UnknownKey);
}

#[tokio::test]
async fn concurrent_first_calls_fetch_once() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let token = signer.token(&claims());
    let verdicts = join_all((0..50).map(|second| issuer.verify(&token, after(second)))).await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Ok(Verdict::Valid(_)))), "{verdicts:?}");
    assert_eq!(issuer.web.fetches(), 1);
}

#[tokio::test]
async fn concurrent_calls_with_stale_keys_fetch_once() {
    let signer = Signer::es256("ec");
    let issuer = Issuer::with(&[&signer]);
    let token = signer.token(&claims());
    assert!(issuer.accepts(&token, start()).await);
    let late = after(KEYS_FRESH.as_secs());
    let verdicts = join_all((0..50).map(|_| issuer.verify(&token, late))).await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Ok(Verdict::Valid(_)))), "{verdicts:?}");
    assert_eq!(issuer.web.fetches(), 2);
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
    assert_eq!(asking.await, Ok(Verdict::Denied(DeniedReason::UnknownKey)));
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
