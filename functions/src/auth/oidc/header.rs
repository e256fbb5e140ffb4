//! What a token says of itself, before anything in it is believed.

use jsonwebtoken::{Algorithm, decode_header};

use super::limits::TOKEN_BYTES;
use super::verdict::DeniedReason;

/// Asymmetric, and what issuers use. With a symmetric one, everybody who knows the public key could sign.
const ALLOWED: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// Which of the issuer's keys a token says it was signed with, and how.
#[derive(Debug)]
pub(super) struct Header {
    /// Never empty.
    pub(super) key_id: String,
    /// One of the allowed ones.
    pub(super) algorithm: Algorithm,
}

impl Header {
    /// Reads the header of what may be a token.
    pub(super) fn read(token: &str) -> Result<Self, DeniedReason> {
        if token.len() > TOKEN_BYTES {
            return Err(DeniedReason::TooLong);
        }
        let header = decode_header(token).map_err(|_| DeniedReason::Malformed)?;
        if !ALLOWED.contains(&header.alg) {
            return Err(DeniedReason::AlgorithmNotAllowed);
        }
        // We understand no extension, so RFC 7515, section 4.1.11, has us refuse whichever it is.
        if header.crit.is_some() {
            return Err(DeniedReason::CriticalExtension);
        }
        let key_id = header.kid.filter(|id| !id.is_empty()).ok_or(DeniedReason::NoKeyId)?;
        Ok(Self { key_id, algorithm: header.alg })
    }
}
