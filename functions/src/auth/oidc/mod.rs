//! People who sign in elsewhere: JSON Web TokenStore of one OIDC issuer.
//!
//! A token is [`Verdict::Valid`] only if a key that the issuer publishes now signed it with RS256 or ES256, for our
//! audience, and it is in time. It never chooses how it is checked: the algorithm is the key's, and the key is one of
//! the issuer's, whatever the header says or brings along.
//!
//! When the issuer can't be asked and its answer matters, that is an [`OidcFault`]: neither a yes nor a no.
//! `now` is handed in, and no token appears in an error, a log or a `Debug`.
//!
//! | room | decides |
//! |---|---|
//! | `config` | which issuer, from the environment |
//! | `header` | what a token says of itself, and whether that is worth a look at the keys |
//! | `cache` | when the issuer is asked for its keys |
//! | `source` | where they are |
//! | `fetch` | how a document is fetched |
//! | `keys` | which published keys count |
//! | `claims` | what a signed token has to say |
//! | `crypto` | signatures |
//! | [`limits`] | every number |

mod cache;
mod claims;
mod config;
mod crypto;
mod fetch;
mod header;
mod keys;
pub mod limits;
mod setup;
mod source;
mod verdict;

pub use config::{ConfigError, OidcConfig};
pub use fetch::{FetchJson, HttpFetch, http_client};
pub use setup::SetupError;
pub use verdict::{DeniedReason, Identity, OidcFault, Verdict};

use cache::Cache;
use doorbell_protocol::Timestamp;
use header::Header;
use source::Source;

/// Verifies the tokens of one issuer. Made once and kept, since it remembers the issuer's keys.
pub struct Oidc<F = HttpFetch> {
    config: OidcConfig,
    cache: Cache<F>,
}

impl<F: FetchJson> Oidc<F> {
    /// Fetches nothing yet.
    pub fn new(config: OidcConfig, fetch: F) -> Self {
        crypto::install();
        Self { cache: Cache::new(Source::new(config.clone(), fetch)), config }
    }

    /// Who `token` speaks for at `now`, if anybody.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Verdict, OidcFault> {
        let header = match Header::read(token) {
            Ok(header) => header,
            Err(reason) => return Ok(Verdict::Denied(reason)),
        };
        let keys = self.cache.keys_for(&header.key_id, now).await?;
        let identity = keys.matching(&header).and_then(|key| claims::identity(token, key, &self.config, now));
        Ok(identity.map_or_else(Verdict::Denied, Verdict::Valid))
    }
}
