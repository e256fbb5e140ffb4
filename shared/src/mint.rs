//! The only place that makes random ids and tokens.
//!
//! Handlers take [`Ids`], so a test can make the same ids twice.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::{ContextV7, Uuid};

use crate::access::Scope;
use crate::id::{ClaimId, RequestId};
use crate::time::Timestamp;
use crate::token::{SECRET_BYTES, Token};

/// Something that makes ids nobody else has.
pub trait Ids: Send + Sync {
    /// An id for a request made at `now`. Ids from one source ascend, also within a millisecond.
    fn request_id(&self, now: Timestamp) -> RequestId;
    /// An id for one attempt to claim.
    fn claim_id(&self) -> ClaimId;
}

/// A new token for `scope`: 256 bits from the operating system, in base64url.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn token(scope: Scope) -> Result<Token, getrandom::Error> {
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret)?;
    Ok(Token::new(scope, &URL_SAFE_NO_PAD.encode(secret)))
}

/// Ids from the operating system's random source.
#[derive(Debug, Default)]
pub struct RandomIds {
    /// Counts within a millisecond, so that two rings at the same time are answered in order.
    order: Mutex<ContextV7>,
}

impl Ids for RandomIds {
    fn request_id(&self, now: Timestamp) -> RequestId {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        RequestId::from_uuid(Uuid::new_v7(uuid::Timestamp::from_unix(&self.order, millis / 1000, nanos)))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that makes random ids")]
    fn claim_id(&self) -> ClaimId {
        ClaimId::from_uuid(Uuid::new_v4())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_scopes_prefix_and_256_bits() {
        let (user, daemon) = (token(Scope::User).unwrap(), token(Scope::Daemon).unwrap());
        assert!(user.reveal().starts_with("dbu_") && daemon.reveal().starts_with("dbd_"));
        assert_eq!(URL_SAFE_NO_PAD.decode(&user.reveal()[4..]).unwrap().len(), 32);
        assert_ne!(user.reveal()[4..], daemon.reveal()[4..]);
    }

    #[test]
    fn ids_of_one_millisecond_ascend_and_carry_its_time() {
        let now = Timestamp::from_millis(1_795_318_867_120).unwrap();
        let ids = RandomIds::default();
        let minted: Vec<_> = (0..1000).map(|_| ids.request_id(now)).collect();
        assert!(minted.is_sorted_by(|a, b| a < b));
        assert!(RequestId::lower_bound(now) <= minted[0]);
    }
}
