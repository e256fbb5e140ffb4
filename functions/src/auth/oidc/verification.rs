//! The outcome of verifying a token.

use doorbell_shared::access::Workspaces;
use reqwest::Url;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    Valid(Identity),
    /// The reason is for the log; the caller gets 401.
    Denied(DeniedReason),
}

/// The user of a valid token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The claim `sub`.
    pub subject: String,
    pub workspaces: Workspaces,
}

/// Why a token is denied. For logs, so it contains nothing from the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeniedReason {
    /// Longer than [`super::limits::TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not a JWT, or one with an unknown algorithm, `none` included.
    #[error("the token is malformed")]
    Malformed,
    /// Not RS256 or ES256.
    #[error("the token's algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The header has `crit`.
    #[error("the token relies on an extension")]
    CriticalExtension,
    /// The header has no `kid`.
    #[error("the token names no key")]
    NoKeyId,
    /// The issuer publishes no key with this id.
    #[error("the token's key is not one of the issuer's")]
    UnknownKey,
    /// The key is for another algorithm than the header's.
    #[error("the token's algorithm is not its key's")]
    KeyMismatch,
    /// Signed with another key, or modified.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// `exp`, `iss`, `aud` or `sub` is missing or of the wrong type.
    #[error("the token lacks a claim")]
    MissingClaim,
    /// A claim has the wrong type or format.
    #[error("one of the token's claims is malformed")]
    MalformedClaim,
    /// More than [`WORKSPACES_PER_TOKEN`](doorbell_shared::limits::WORKSPACES_PER_TOKEN).
    #[error("the token has too many workspaces")]
    TooManyWorkspaces,
    #[error("the token is another issuer's")]
    WrongIssuer,
    #[error("the token is for another audience")]
    WrongAudience,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// The issuer's keys are needed and unavailable, so the token is neither valid nor denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcFault {
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: Url, reason: &'static str },
    /// A status other than 200.
    #[error("{url} answered {status}")]
    Refused { url: Url, status: u16 },
    /// The document is not usable.
    #[error("what {url} answered is not {wanted}")]
    Unreadable { url: Url, wanted: &'static str },
}
