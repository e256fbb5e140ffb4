//! Opaque tokens: 256 random bits, of which only the SHA-256 is stored.
//!
//! A reader of the table cannot call the API. The hash needs no salt, because the secret is random and not a password.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use doorbell_protocol::{Scope, Timestamp};
use sha2::{Digest, Sha256};

use crate::access::Workspaces;
use crate::limits::TOKEN_USE_INTERVAL;
use crate::runtime::ShortText;
use crate::token_id::{TokenId, lower_hex};

/// The random bytes of a token.
pub const SECRET_BYTES: usize = 32;

/// Bounds the input of the hash. Our tokens are shorter.
const MAX_BYTES: usize = 128;

/// A token as a caller presents it. `Debug` redacts it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token for `scope` with the secret part `secret`, which comes from [`crate::id_gen`].
    pub fn new(scope: Scope, secret: &str) -> Self {
        Self(format!("{}{secret}", prefix(scope)))
    }

    /// `None` when the text does not have the form of an opaque token: a prefix and letters of base64url. Looking it up would
    /// cost a read.
    pub fn parse(text: &str) -> Option<Self> {
        let secret = Scope::ALL.iter().find_map(|scope| text.strip_prefix(prefix(*scope)))?;
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_token = !secret.is_empty() && text.len() <= MAX_BYTES && secret.bytes().all(is_base64url);
        is_token.then(|| Self(text.to_owned()))
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The last four characters, by which users recognize a token.
    pub fn last_four(&self) -> String {
        let start = self.0.len().saturating_sub(4);
        self.0.get(start..).unwrap_or_default().to_owned()
    }

    /// The secret, to be shown once to the user who created it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn prefix(scope: Scope) -> &'static str {
    match scope {
        Scope::User => "dbu_",
        Scope::Daemon => "dbd_",
        Scope::Admin => "dba_",
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A token's SHA-256: its key in the table, and its full id for administrators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The short id.
    pub fn id(self) -> TokenId {
        TokenId::beginning_of(self.0)
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The text is not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token's hash")]
pub struct InvalidTokenHash;

impl FromStr for TokenHash {
    type Err = InvalidTokenHash;
    fn from_str(text: &str) -> Result<Self, InvalidTokenHash> {
        lower_hex(text).map(Self).ok_or(InvalidTokenHash)
    }
}

/// The stored record of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    pub hash: TokenHash,
    pub subject: ShortText,
    pub scopes: BTreeSet<Scope>,
    pub workspaces: Workspaces,
    /// The only daemon that the token may act for. `None`: any daemon of the workspaces.
    pub daemon_id: Option<ShortText>,
    pub created_at: Timestamp,
    /// The token is rejected from this time on. `None` if it does not expire.
    pub expires_at: Option<Timestamp>,
    pub last_four: String,
    /// A recent use, up to [`TOKEN_USE_INTERVAL`] before the last. `None` if the token was never used.
    pub last_used_at: Option<Timestamp>,
}

impl TokenRecord {
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }

    /// Whether a use at `now` should be recorded.
    pub fn is_use_due(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|used| used < now - TOKEN_USE_INTERVAL)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn hash_is_sha_256_and_round_trips() {
        let hash = Token::new(Scope::User, "example").hash();
        // printf dbu_example | sha256sum
        assert_eq!(hash.to_string(), "25908ac0336d7e8a5331af2276f8d4841829bfabd9cfe57643494dac5e4312e1");
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }

    #[test]
    fn rejects_other_spellings_of_hash() {
        let hash = Token::new(Scope::User, "example").hash().to_string();
        for other in [hash.to_uppercase(), hash[1..].to_owned(), format!("{hash}0"), "g".repeat(64)] {
            assert_eq!(other.parse::<TokenHash>(), Err(InvalidTokenHash), "{other}");
        }
    }

    #[test]
    fn rejects_text_without_token_form() {
        assert!(Token::parse("dbu_x").is_some() && Token::parse("dbd_x").is_some());
        let long = format!("dbu_{}", "x".repeat(200));
        for other in
            ["", "x", "dbx_x", "DBU_x", "eyJhbGciOi.eyJ.x", "dbu_", "dbu_a b", "dbd_ü", "dbu_a,dbu_b", &long]
        {
            assert_eq!(Token::parse(other), None, "{other}");
        }
    }

    #[test]
    fn id_begins_the_hash() {
        assert_eq!(Token::new(Scope::User, "example").hash().id().to_string(), "25908ac0336d");
    }

    #[test]
    fn use_is_due_once_a_day() {
        let used = Timestamp::from_millis(1_000_000_000).unwrap();
        let record = |last_used_at| TokenRecord { last_used_at, ..record(None) };
        assert!(record(None).is_use_due(used));
        assert!(!record(Some(used)).is_use_due(used + TOKEN_USE_INTERVAL));
        assert!(record(Some(used)).is_use_due(used + TOKEN_USE_INTERVAL + Duration::from_millis(1)));
    }

    #[test]
    fn debug_redacts_secret() {
        let token = Token::new(Scope::Daemon, "secret-part");
        assert!(!format!("{token:?}").contains("secret"));
        assert_eq!(token.last_four(), "part");
    }

    #[test]
    fn token_expires() {
        let expires_at = Timestamp::from_millis(1_000_000).unwrap();
        assert!(record(Some(expires_at)).is_valid(expires_at - Duration::from_millis(1)));
        assert!(!record(Some(expires_at)).is_valid(expires_at));
        assert!(record(None).is_valid(expires_at));
    }

    fn record(expires_at: Option<Timestamp>) -> TokenRecord {
        TokenRecord {
            hash: Token::new(Scope::User, "x").hash(),
            subject: ShortText::try_from("example".to_owned()).unwrap(),
            scopes: BTreeSet::new(),
            workspaces: Workspaces::default(),
            daemon_id: None,
            created_at: Timestamp::from_millis(1_000_000).unwrap(),
            expires_at,
            last_four: "x".to_owned(),
            last_used_at: None,
        }
    }
}
