//! Verification of one token: header, signature, claims.
//!
//! The token never chooses how it is verified: the algorithm is the key's, and the key is one of the issuer's.

use doorbell_protocol::Timestamp;
use doorbell_protocol::id::WorkspaceId;
use doorbell_shared::access::Workspaces;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::config::OidcConfig;
use super::jwks::Key;
use super::limits::{LEEWAY, TOKEN_BYTES};
use super::verification::{DeniedReason, Identity};

/// Asymmetric algorithms only. With a symmetric one, the public key could sign.
const ALLOWED: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// The key and the algorithm that the token claims, before verification.
#[derive(Debug)]
pub(super) struct Header {
    /// Never empty.
    pub(super) key_id: String,
    /// One of [`ALLOWED`].
    pub(super) algorithm: Algorithm,
}

impl Header {
    pub(super) fn parse(token: &str) -> Result<Self, DeniedReason> {
        if token.len() > TOKEN_BYTES {
            return Err(DeniedReason::TooLong);
        }
        let header = decode_header(token).map_err(|_| DeniedReason::Malformed)?;
        if !ALLOWED.contains(&header.alg) {
            return Err(DeniedReason::AlgorithmNotAllowed);
        }
        // No extension is supported, so RFC 7515, section 4.1.11, requires that the token is rejected.
        if header.crit.is_some() {
            return Err(DeniedReason::CriticalExtension);
        }
        let key_id = header.kid.filter(|id| !id.is_empty()).ok_or(DeniedReason::NoKeyId)?;
        Ok(Self { key_id, algorithm: header.alg })
    }
}

type Claims = Map<String, Value>;

/// The user of `token` at `now`, if `key` signed it.
pub(super) fn identity(
    token: &str,
    key: &Key,
    config: &OidcConfig,
    now: Timestamp,
) -> Result<Identity, DeniedReason> {
    let claims = verified_claims(token, key, config)?;
    // `jsonwebtoken` also accepts an array that contains the issuer.
    if claims.get("iss").and_then(Value::as_str) != Some(&config.issuer) {
        return Err(DeniedReason::WrongIssuer);
    }
    check_validity_period(&claims, now)?;
    Ok(Identity { subject: subject(&claims)?, workspaces: workspaces(claims.get(&config.workspaces_claim))? })
}

fn verified_claims(token: &str, key: &Key, config: &OidcConfig) -> Result<Claims, DeniedReason> {
    let mut validation = Validation::new(key.algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    // It uses the system clock. See `check_validity_period`.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    decode(token, &key.decoding, &validation).map(|token| token.claims).map_err(|error| denied(&error))
}

fn denied(error: &Error) -> DeniedReason {
    match error.kind() {
        ErrorKind::InvalidSignature => DeniedReason::BadSignature,
        ErrorKind::InvalidIssuer => DeniedReason::WrongIssuer,
        ErrorKind::InvalidAudience => DeniedReason::WrongAudience,
        ErrorKind::MissingRequiredClaim(_) => DeniedReason::MissingClaim,
        _ => DeniedReason::Malformed,
    }
}

fn check_validity_period(claims: &Claims, now: Timestamp) -> Result<(), DeniedReason> {
    let expires = millis(claims, "exp")?.ok_or(DeniedReason::MissingClaim)?;
    let begins = millis(claims, "nbf")?;
    let as_millis = |time: Timestamp| time.millis() as f64;
    if as_millis(now - LEEWAY) >= expires {
        Err(DeniedReason::Expired)
    } else if begins.is_some_and(|begins| as_millis(now + LEEWAY) < begins) {
        Err(DeniedReason::NotYetValid)
    } else {
        Ok(())
    }
}

/// A NumericDate claim (RFC 7519, section 2): seconds, possibly with a fraction.
fn millis(claims: &Claims, name: &str) -> Result<Option<f64>, DeniedReason> {
    let Some(claim) = claims.get(name) else { return Ok(None) };
    claim.as_f64().map(|seconds| Some(seconds * 1000.0)).ok_or(DeniedReason::MalformedClaim)
}

fn subject(claims: &Claims) -> Result<String, DeniedReason> {
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
    subject.map(str::to_owned).ok_or(DeniedReason::MissingClaim)
}

/// A malformed claim is rejected, not repaired: it indicates a wrong mapping at the issuer, and a guess could grant access.
fn workspaces(claim: Option<&Value>) -> Result<Workspaces, DeniedReason> {
    match claim {
        None => Ok(Workspaces::default()),
        Some(Value::Array(ids)) => {
            let ids: Vec<_> = ids.iter().map(workspace).collect::<Result<_, _>>()?;
            Workspaces::new(ids).map_err(|_| DeniedReason::TooManyWorkspaces)
        }
        Some(id) => workspace(id).map(Workspaces::of),
    }
}

fn workspace(id: &Value) -> Result<WorkspaceId, DeniedReason> {
    id.as_str().and_then(|id| id.parse().ok()).ok_or(DeniedReason::MalformedClaim)
}

#[cfg(test)]
mod tests {
    use doorbell_shared::limits::WORKSPACES_PER_TOKEN;

    use super::*;

    /// A token of the longest accepted length has about 150, so no issuer reaches this; the limit of the length may change.
    #[test]
    fn denies_more_workspaces_than_the_limit() {
        let claim = |count| (0..count).map(|n| format!("00000000-0000-4000-8000-{n:012x}").into()).collect();
        let of = |count| workspaces(Some(&Value::Array(claim(count))));
        assert_eq!(of(WORKSPACES_PER_TOKEN).unwrap().iter().count(), WORKSPACES_PER_TOKEN);
        assert_eq!(of(WORKSPACES_PER_TOKEN + 1), Err(DeniedReason::TooManyWorkspaces));
    }
}
