//! Opaque tokens: 256 random bits that a person or a daemon presents, and what is kept of them.
//!
//! The store holds a token's SHA-256 and never the token: whoever reads the table cannot call the API. A hash without salt
//! is enough, because the secret is random and not a password. A [`Token`] shows itself to nobody, not even in `Debug`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::access::{Scope, Workspaces};
use crate::runtime::Text;
use crate::time::Timestamp;

/// How many random bytes a token has.
pub const SECRET_BYTES: usize = 32;

/// Longer than any token of ours, and short enough not to hash for fun.
const LONGEST: usize = 128;

/// A token as it is presented.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token with that secret part, for `scope`. The secret comes from [`crate::mint`].
    pub fn new(scope: Scope, secret: &str) -> Self {
        Self(format!("{}{secret}", prefix(scope)))
    }

    /// What was presented, if it may be a token of ours.
    pub fn presented(text: &str) -> Option<Self> {
        let prefixed = [Scope::User, Scope::Daemon].into_iter().any(|scope| text.starts_with(prefix(scope)));
        (prefixed && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Enough for a person to recognise it by.
    pub fn last_four(&self) -> String {
        let start = self.0.len().saturating_sub(4);
        self.0.get(start..).unwrap_or_default().to_owned()
    }

    /// The token itself, to be shown once to the person who made it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn prefix(scope: Scope) -> &'static str {
    match scope {
        Scope::User => "dbu_",
        Scope::Daemon => "dbd_",
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A token's SHA-256: its key in the table, and its name for administrators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not 64 hex digits in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token's hash")]
pub struct InvalidTokenHash;

impl FromStr for TokenHash {
    type Err = InvalidTokenHash;
    fn from_str(text: &str) -> Result<Self, InvalidTokenHash> {
        let digit = |byte: u8| (byte as char).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() {
            return Err(InvalidTokenHash);
        }
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or(InvalidTokenHash)?;
            *byte = u8::try_from(high * 16 + low).map_err(|_| InvalidTokenHash)?;
        }
        Ok(Self(hash))
    }
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Which token.
    pub hash: TokenHash,
    /// Whose it is.
    pub subject: Text,
    /// What it may be used for.
    pub scopes: BTreeSet<Scope>,
    /// Whose things it may see.
    pub workspaces: Workspaces,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused, if ever.
    pub expires_at: Option<Timestamp>,
    /// Its last four characters.
    pub last_four: String,
}

impl TokenRecord {
    /// Whether it is accepted at `now`.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_hash_is_the_sha_256_and_survives_its_text() {
        let hash = Token::new(Scope::User, "example").hash();
        // printf dbu_example | sha256sum
        assert_eq!(hash.to_string(), "25908ac0336d7e8a5331af2276f8d4841829bfabd9cfe57643494dac5e4312e1");
        assert_eq!(hash.to_string().parse(), Ok(hash));
    }

    #[test]
    fn other_spellings_of_a_hash_are_refused() {
        let hash = Token::new(Scope::User, "example").hash().to_string();
        for other in [hash.to_uppercase(), hash[1..].to_owned(), format!("{hash}0"), "g".repeat(64)] {
            assert_eq!(other.parse::<TokenHash>(), Err(InvalidTokenHash), "{other}");
        }
    }

    #[test]
    fn only_what_looks_like_ours_is_looked_up() {
        assert!(Token::presented("dbu_x").is_some() && Token::presented("dbd_x").is_some());
        for other in ["", "x", "dbx_x", "DBU_x", "eyJhbGciOi.eyJ.x", &format!("dbu_{}", "x".repeat(200))] {
            assert_eq!(Token::presented(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let token = Token::new(Scope::Daemon, "secret-part");
        assert!(!format!("{token:?}").contains("secret"));
        assert_eq!(token.last_four(), "part");
    }

    #[test]
    fn a_token_is_refused_from_its_expiry_on() {
        let expires_at = Timestamp::from_millis(1_000_000).unwrap();
        let record = TokenRecord {
            hash: Token::new(Scope::User, "x").hash(),
            subject: Text::try_from("somebody".to_owned()).unwrap(),
            scopes: BTreeSet::new(),
            workspaces: Workspaces::default(),
            created_at: expires_at,
            expires_at: Some(expires_at),
            last_four: "x".to_owned(),
        };
        assert!(record.is_valid(expires_at - Duration::from_millis(1)));
        assert!(!record.is_valid(expires_at));
        assert!(TokenRecord { expires_at: None, ..record }.is_valid(expires_at));
    }
}
