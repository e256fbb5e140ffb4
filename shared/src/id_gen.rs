//! The only source of random ids, lease tokens and opaque tokens.

use std::ops::RangeInclusive;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorbell_protocol::{RequestId, Scope, Timestamp};
use uuid::{ContextV7, Uuid};

use crate::enrolment::{CODE_BYTES, EnrolmentCode};
use crate::request::LeaseToken;
use crate::runtime::RuntimeIdNamespace;
use crate::token::{SECRET_BYTES, Token};

/// Generates unique ids. A trait, so that tests can repeat them.
pub trait IdGenerator: Send + Sync {
    /// The id of a request created at `now`. The ids of one generator ascend, even within a millisecond.
    fn request_id(&self, now: Timestamp) -> RequestId;
    fn lease_token(&self) -> LeaseToken;
    /// For a workspace without one.
    fn runtime_id_namespace(&self) -> RuntimeIdNamespace;
    /// A random number of seconds in the range.
    fn seconds_within(&self, range: RangeInclusive<u32>) -> u32 {
        let choices = range.end() - range.start() + 1;
        range.start() + self.lease_token().random_bits() % choices
    }
}

/// A new opaque token for `scope`: 256 random bits of the operating system, in base64url.
///
/// # Errors
/// When the operating system has no random bytes.
pub fn token(scope: Scope) -> Result<Token, getrandom::Error> {
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret)?;
    Ok(Token::new(scope, &URL_SAFE_NO_PAD.encode(secret)))
}

/// A new enrolment code: 80 random bits of the operating system.
///
/// # Errors
/// When the operating system has no random bytes.
pub fn enrolment_code() -> Result<EnrolmentCode, getrandom::Error> {
    let mut random = [0; CODE_BYTES];
    getrandom::fill(&mut random)?;
    Ok(EnrolmentCode::new(random))
}

/// Ids from the operating system's random source.
#[derive(Debug, Default)]
pub struct RandomIdGenerator {
    /// A counter within each millisecond, so that rings of one millisecond are queued in order.
    order: Mutex<ContextV7>,
}

impl IdGenerator for RandomIdGenerator {
    fn request_id(&self, now: Timestamp) -> RequestId {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        RequestId::from_uuid(Uuid::new_v7(uuid::Timestamp::from_unix(&self.order, millis / 1000, nanos)))
    }

    #[expect(clippy::disallowed_methods, reason = "the only source of random ids")]
    fn lease_token(&self) -> LeaseToken {
        LeaseToken::from_uuid(Uuid::new_v4())
    }

    #[expect(clippy::disallowed_methods, reason = "the only source of random ids")]
    fn runtime_id_namespace(&self) -> RuntimeIdNamespace {
        RuntimeIdNamespace::from_uuid(Uuid::new_v4())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_scope_prefix_and_256_bits() {
        let user = token(Scope::User).unwrap();
        let daemon = token(Scope::Daemon).unwrap();
        assert!(user.reveal().starts_with("dbu_") && daemon.reveal().starts_with("dbd_"));
        assert_eq!(URL_SAFE_NO_PAD.decode(&user.reveal()[4..]).unwrap().len(), 32);
        assert_ne!(user.reveal()[4..], daemon.reveal()[4..]);
    }

    #[test]
    fn ids_of_one_millisecond_ascend() {
        let now = Timestamp::from_millis(1_795_318_867_120).unwrap();
        let id_gen = RandomIdGenerator::default();
        let generated: Vec<_> = (0..1000).map(|_| id_gen.request_id(now)).collect();
        assert!(generated.is_sorted_by(|a, b| a < b));
        assert!(RequestId::lower_bound(now) <= generated[0]);
    }
}
