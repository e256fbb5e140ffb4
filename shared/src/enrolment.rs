//! Enrolment codes: an administrator creates one, and a machine redeems it for a token that is bound to its daemon.
//!
//! A code has 80 random bits, of which only the SHA-256 is stored, and works once. Its hash needs no salt, because it is random.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use doorbell_protocol::limits::REDEMPTION_RETRY;
use doorbell_protocol::{Scope, Timestamp, WorkspaceId};
use sha2::{Digest, Sha256};

use crate::access::Workspaces;
use crate::runtime::ShortText;
use crate::token::{Token, TokenHash, TokenRecord};
use crate::token_id::lower_hex;

/// The random bytes of a code: 16 letters of 5 bits.
pub const CODE_BYTES: usize = 10;

/// Crockford's Base32: no `I`, `L`, `O` and `U`, which are misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const LETTERS: usize = 16;

const LETTERS_PER_GROUP: usize = 4;

/// As those of a token's id.
const ID_DIGITS: usize = 12;

/// A code as it is redeemed. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentCode([u8; LETTERS]);

impl EnrolmentCode {
    /// The code of random bytes, which come from [`crate::id_gen`].
    pub fn new(random: [u8; CODE_BYTES]) -> Self {
        let bits = random.iter().fold(0_u128, |bits, byte| (bits << 8) | u128::from(*byte));
        let letter = |index| {
            let bits = bits >> (5 * (LETTERS - 1 - index));
            ALPHABET[usize::try_from(bits & 31).unwrap_or_default()]
        };
        Self(std::array::from_fn(letter))
    }

    /// `None` if the text does not have the form of a code. Accepts any case, and hyphens and blanks anywhere; `O` is read as 0, and
    /// `I` and `L` as 1.
    pub fn parse(text: &str) -> Option<Self> {
        let mut letters = text.chars().filter(|letter| !matches!(letter, '-' | ' ')).map(letter);
        let mut code = [0; LETTERS];
        for place in &mut code {
            *place = letters.next()??;
        }
        letters.next().is_none().then_some(Self(code))
    }

    pub fn hash(&self) -> EnrolmentHash {
        EnrolmentHash(Sha256::digest(self.0).into())
    }

    /// `XXXX-XXXX-XXXX-XXXX`, to be shown once to the administrator who created it.
    pub fn reveal(&self) -> String {
        let groups = self.0.chunks(LETTERS_PER_GROUP).map(String::from_utf8_lossy);
        groups.collect::<Vec<_>>().join("-")
    }
}

fn letter(letter: char) -> Option<u8> {
    let letter = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    u8::try_from(letter).ok().filter(|letter| ALPHABET.contains(letter))
}

impl fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolmentCode(…)")
    }
}

/// A code's SHA-256: its key in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnrolmentHash([u8; 32]);

impl EnrolmentHash {
    /// The beginning of the hash, for logs: it connects the creation and the redemption of a code.
    pub fn id(&self) -> String {
        self.to_string().chars().take(ID_DIGITS).collect()
    }
}

impl fmt::Display for EnrolmentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a code's hash")]
pub struct InvalidEnrolmentHash;

impl FromStr for EnrolmentHash {
    type Err = InvalidEnrolmentHash;
    fn from_str(text: &str) -> Result<Self, InvalidEnrolmentHash> {
        lower_hex(text).map(Self).ok_or(InvalidEnrolmentHash)
    }
}

/// The stored record of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    pub hash: EnrolmentHash,
    pub workspace: WorkspaceId,
    /// The subject of the token. The daemon id if there is none.
    pub subject: Option<ShortText>,
    pub created_at: Timestamp,
    /// The code is rejected from this time on.
    pub expires_at: Timestamp,
    pub redemption: Option<Redemption>,
}

/// The first redemption of a code, and the only token that it has given out and that is still valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    pub daemon_id: ShortText,
    pub redeemed_at: Timestamp,
    pub token: TokenHash,
}

impl Enrolment {
    /// Whether `daemon_id` may redeem the code at `now`: for the first time, or again within [`REDEMPTION_RETRY`], because the first
    /// response may have been lost.
    pub fn is_redeemable(&self, daemon_id: &ShortText, now: Timestamp) -> bool {
        match &self.redemption {
            None => now < self.expires_at,
            Some(first) => first.daemon_id == *daemon_id && now <= first.redeemed_at + REDEMPTION_RETRY,
        }
    }

    /// The record of `token`, given out at `now`. It does not expire.
    pub fn token(&self, daemon_id: &ShortText, token: &Token, now: Timestamp) -> TokenRecord {
        TokenRecord {
            hash: token.hash(),
            subject: self.subject.clone().unwrap_or_else(|| daemon_id.clone()),
            scopes: BTreeSet::from([Scope::Daemon]),
            workspaces: Workspaces::of(self.workspace),
            daemon_id: Some(daemon_id.clone()),
            created_at: now,
            expires_at: None,
            last_four: token.last_four(),
            last_used_at: None,
        }
    }

    /// The code after a redemption. The time of the first one stays, so that repetitions end.
    #[must_use]
    pub fn redeemed(self, daemon_id: &ShortText, token: TokenHash, now: Timestamp) -> Self {
        let redeemed_at = self.redemption.map_or(now, |first| first.redeemed_at);
        Self { redemption: Some(Redemption { daemon_id: daemon_id.clone(), redeemed_at, token }), ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn text(text: &str) -> ShortText {
        ShortText::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn code_is_four_groups_of_its_bits() {
        assert_eq!(EnrolmentCode::new([0; CODE_BYTES]).reveal(), "0000-0000-0000-0000");
        assert_eq!(EnrolmentCode::new([0xff; CODE_BYTES]).reveal(), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        let mut random = [0; CODE_BYTES];
        random[0] = 0b0000_1000;
        random[9] = 0b0000_0010;
        assert_eq!(EnrolmentCode::new(random).reveal(), "1000-0000-0000-0002");
    }

    #[test]
    fn every_spelling_is_the_same_code() {
        let code = EnrolmentCode::parse("0A1B-CDEF-GHJK-MNPQ").unwrap();
        for spelling in
            ["0a1b-cdef-ghjk-mnpq", "0A1BCDEFGHJKMNPQ", " OAIB CDEF GHJK MNPQ ", "oalbcdefghjkmnpq"]
        {
            assert_eq!(EnrolmentCode::parse(spelling).as_ref(), Some(&code), "{spelling}");
        }
        assert_eq!(EnrolmentCode::parse(&code.reveal()), Some(code));
    }

    #[test]
    fn rejects_text_that_is_no_code() {
        for other in [
            "",
            "0000",
            "0000-0000-0000-000",
            "0000-0000-0000-00000",
            "0000-0000-0000-000U",
            "ü000-0000-0000-0000",
        ] {
            assert_eq!(EnrolmentCode::parse(other), None, "{other}");
        }
    }

    #[test]
    fn hash_is_sha_256_of_letters() {
        let hash = EnrolmentCode::new([0; CODE_BYTES]).hash();
        // printf 0000000000000000 | sha256sum
        assert_eq!(hash.to_string(), "fcdb4b423f4e5283afa249d762ef6aef150e91fccd810d43e5e719d14512dec7");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.id(), "fcdb4b423f4e");
    }

    #[test]
    fn debug_redacts_code() {
        assert_eq!(format!("{:?}", EnrolmentCode::new([0; CODE_BYTES])), "EnrolmentCode(…)");
    }

    #[test]
    fn code_is_redeemed_once_and_again_by_its_daemon_for_a_minute() {
        let created_at = Timestamp::from_millis(1_000_000).unwrap();
        let expires_at = created_at + Duration::from_secs(600);
        let just_before = |time: Timestamp| time - Duration::from_millis(1);
        let hash = EnrolmentCode::new([0; CODE_BYTES]).hash();
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let enrolment =
            Enrolment { hash, workspace, subject: None, created_at, expires_at, redemption: None };
        assert!(enrolment.is_redeemable(&text("a"), just_before(expires_at)));
        assert!(!enrolment.is_redeemable(&text("a"), expires_at));

        let redeemed_at = just_before(expires_at);
        let token = Token::new(Scope::Daemon, "x").hash();
        let redemption = Some(Redemption { daemon_id: text("a"), redeemed_at, token });
        let redeemed = Enrolment { redemption, ..enrolment };
        assert!(!redeemed.is_redeemable(&text("b"), redeemed_at));
        assert!(redeemed.is_redeemable(&text("a"), redeemed_at + REDEMPTION_RETRY));
        assert!(
            !redeemed.is_redeemable(&text("a"), redeemed_at + REDEMPTION_RETRY + Duration::from_millis(1))
        );
    }
}
