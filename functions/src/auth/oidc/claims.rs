//! What a token has to say, once its signature is known to be the issuer's.

use doorbell_protocol::Timestamp;
use doorbell_protocol::id::WorkspaceId;
use doorbell_shared::access::Workspaces;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Validation, decode};
use serde_json::{Map, Value};

use super::config::OidcConfig;
use super::keys::Key;
use super::limits::LEEWAY;
use super::verdict::{DeniedReason, Identity};

type Claims = Map<String, Value>;

/// Who `token` speaks for at `now`, if `key` signed it.
pub(super) fn identity(
    token: &str,
    key: &Key,
    config: &OidcConfig,
    now: Timestamp,
) -> Result<Identity, DeniedReason> {
    let claims = signed(token, key, config)?;
    // `jsonwebtoken` would also take an array with the issuer in it.
    if claims.get("iss").and_then(Value::as_str) != Some(&config.issuer) {
        return Err(DeniedReason::WrongIssuer);
    }
    in_time(&claims, now)?;
    Ok(Identity { subject: subject(&claims)?, workspaces: workspaces(claims.get(&config.workspaces_claim))? })
}

fn signed(token: &str, key: &Key, config: &OidcConfig) -> Result<Claims, DeniedReason> {
    let mut validation = Validation::new(key.algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    // It would ask the machine's clock. See `in_time`.
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

fn in_time(claims: &Claims, now: Timestamp) -> Result<(), DeniedReason> {
    let expires = millis(claims, "exp")?.ok_or(DeniedReason::MissingClaim)?;
    let begins = millis(claims, "nbf")?;
    let now_is = |time: Timestamp| time.millis() as f64;
    if now_is(now - LEEWAY) >= expires {
        Err(DeniedReason::Expired)
    } else if begins.is_some_and(|begins| now_is(now + LEEWAY) < begins) {
        Err(DeniedReason::NotYetValid)
    } else {
        Ok(())
    }
}

/// A time as tokens say it: seconds, and maybe a fraction.
fn millis(claims: &Claims, name: &str) -> Result<Option<f64>, DeniedReason> {
    let Some(claim) = claims.get(name) else { return Ok(None) };
    claim.as_f64().map(|seconds| Some(seconds * 1000.0)).ok_or(DeniedReason::MalformedClaim)
}

fn subject(claims: &Claims) -> Result<String, DeniedReason> {
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
    subject.map(str::to_owned).ok_or(DeniedReason::MissingClaim)
}

/// A claim that is not quite right is refused rather than tidied: it hints at a mapping gone wrong at the issuer, and
/// guessing would let somebody in or keep them out.
fn workspaces(claim: Option<&Value>) -> Result<Workspaces, DeniedReason> {
    match claim {
        None => Ok(Workspaces::default()),
        Some(Value::Array(ids)) => ids.iter().map(workspace).collect(),
        Some(id) => workspace(id).map(|id| [id].into_iter().collect()),
    }
}

fn workspace(id: &Value) -> Result<WorkspaceId, DeniedReason> {
    id.as_str().and_then(|id| id.parse().ok()).ok_or(DeniedReason::MalformedClaim)
}
