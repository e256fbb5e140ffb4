//! Properties for arbitrary tokens.

use std::sync::LazyLock;

use doorbell_functions::auth::oidc::{OidcFault, Verification};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::oidc::fixtures::{Issuer, Signer, claims, encode, start, with};

/// One issuer for all cases, so that they share its cache.
struct Shared {
    runtime: Runtime,
    issuer: Issuer,
    signer: Signer,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let signer = Signer::es256("ec");
    let runtime = Builder::new_current_thread().build().unwrap();
    Shared { runtime, issuer: Issuer::with(&[&signer]), signer }
});

fn verify(token: &str) -> Result<Verification, OidcFault> {
    SHARED.runtime.block_on(SHARED.issuer.verify(token, start()))
}

fn is_denied(token: &str) -> bool {
    matches!(verify(token), Ok(Verification::Denied(_)))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from))
}

proptest! {
    #[test]
    fn denies_any_text(text in ".{0,200}") {
        prop_assert!(is_denied(&text));
    }

    #[test]
    fn denies_any_text_in_jwt_form(parts in prop::collection::vec("[A-Za-z0-9_=-]{0,80}", 1..5)) {
        prop_assert!(is_denied(&parts.join(".")));
    }

    #[test]
    fn denies_unsigned_token_with_any_header(
        name in "alg|kid|typ|crit|jwk|jku|x5c|b64|zip|.{0,5}", value in any_json(), signature in ".{0,80}",
    ) {
        let mut header = SHARED.signer.header();
        header[name] = value;
        let message = format!("{}.{}", encode(header.to_string()), encode(claims().to_string()));
        let token = format!("{message}.{}", encode(signature));
        prop_assert!(is_denied(&token));
    }

    #[test]
    fn denies_token_with_changed_character(at in any::<prop::sample::Index>(), put in "[A-Za-z0-9_.=-]") {
        let good = SHARED.signer.token(&claims());
        let at = at.index(good.len());
        prop_assume!(good[at..=at] != put);
        let changed = format!("{}{put}{}", &good[..at], &good[at + 1..]);
        prop_assert!(is_denied(&changed));
    }

    #[test]
    fn denies_claims_of_other_types(
        name in "iss|aud|sub|exp|nbf|doorbell_workspaces", value in any_json().prop_filter("of the right type", |value| {
            !value.is_string() && !value.is_number() && *value != json!([])
        }),
    ) {
        let mut claims = with(claims(), json!({"nbf": 0}));
        claims[name] = value;
        prop_assert!(is_denied(&SHARED.signer.token(&claims)));
    }
}
