//! What becomes of a token.

use doorbell_shared::access::Workspaces;
use reqwest::Url;

/// Whether a token is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is, and speaks for this person.
    Valid(Identity),
    /// It is not. Whoever sent it is told only that.
    Denied(DeniedReason),
}

/// Who a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The issuer's name for the person.
    pub subject: String,
    /// The workspaces the issuer says they are in.
    pub workspaces: Workspaces,
}

/// Why a token is not good: for logs, and free of anything out of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeniedReason {
    /// It is longer than [`super::limits::TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// It is no JWT, or one with an algorithm nobody has heard of. `none` is one of those.
    #[error("the token is malformed")]
    Malformed,
    /// Signed with something else than RS256 or ES256.
    #[error("the token's algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// The header demands that an extension be understood.
    #[error("the token relies on an extension")]
    CriticalExtension,
    /// The header does not say which key signed it.
    #[error("the token names no key")]
    NoKeyId,
    /// The issuer publishes no such key.
    #[error("the token's key is not one of the issuer's")]
    UnknownKey,
    /// The key it names is for another algorithm than it says.
    #[error("the token's algorithm is not its key's")]
    KeyMismatch,
    /// Somebody else signed it, or it was changed since.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// `exp`, `iss`, `aud` or `sub` is missing or of the wrong type.
    #[error("the token lacks a claim")]
    MissingClaim,
    /// A claim makes no sense.
    #[error("one of the token's claims is malformed")]
    MalformedClaim,
    /// From another issuer.
    #[error("the token is another issuer's")]
    WrongIssuer,
    /// For somebody else than us.
    #[error("the token is for another audience")]
    WrongAudience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` lies ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// The issuer's keys are needed and can't be had: neither a yes nor a no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcFault {
    /// Nothing came back.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// Where it was tried.
        url: Url,
        /// In a few words.
        reason: &'static str,
    },
    /// It answered something else than 200.
    #[error("{url} answered {status}")]
    Refused {
        /// Where it was tried.
        url: Url,
        /// The HTTP status.
        status: u16,
    },
    /// It answered, and the answer is of no use.
    #[error("what {url} answered is not {wanted}")]
    Unreadable {
        /// Where it was tried.
        url: Url,
        /// What it should have been.
        wanted: &'static str,
    },
}
