//! The tokens of `doorbell dev`, for a person and a daemon in each of two workspaces. They are fixed and public, which is
//! why the gateway refuses to listen beyond loopback, and why they are never written into a table that others may use.

use doorbell_protocol::{InvalidId, Scope, Timestamp, WorkspaceId};
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Result, RevokeOutcome, StoreError, StoreErrorKind, TokenStore};
use doorbell_shared::token::{Token, TokenHash, TokenRecord};

/// The first workspace.
pub const WORKSPACE_A: &str = "00000000-0000-4000-8000-00000000000a";
/// The second: what is in the one does not exist in the other.
pub const WORKSPACE_B: &str = "00000000-0000-4000-8000-00000000000b";

/// A token that `doorbell dev` knows.
#[derive(Clone, Copy, Debug)]
pub struct DevToken {
    /// What is sent.
    pub token: &'static str,
    /// Whose it is.
    pub subject: &'static str,
    /// What it may be used for.
    pub scope: Scope,
    /// Whose things it may see.
    pub workspace: &'static str,
}

/// A person in the first workspace.
pub const USER_A: DevToken =
    DevToken { token: "dbu_dev_a", subject: "user-a", scope: Scope::User, workspace: WORKSPACE_A };
/// A daemon in the first workspace.
pub const DAEMON_A: DevToken =
    DevToken { token: "dbd_dev_a", subject: "daemon-a", scope: Scope::Daemon, workspace: WORKSPACE_A };
const USER_B: DevToken =
    DevToken { token: "dbu_dev_b", subject: "user-b", scope: Scope::User, workspace: WORKSPACE_B };
const DAEMON_B: DevToken =
    DevToken { token: "dbd_dev_b", subject: "daemon-b", scope: Scope::Daemon, workspace: WORKSPACE_B };

/// Every token there is.
pub const TOKENS: [DevToken; 4] = [USER_A, DAEMON_A, USER_B, DAEMON_B];

/// Makes the tokens known in `store`, for good.
pub async fn issue_dev_tokens(store: &impl TokenStore, now: Timestamp) -> Result<()> {
    for known in TOKENS {
        store.issue_token(&record(known, now).map_err(|_| unusable())?).await?;
    }
    Ok(())
}

fn record(known: DevToken, now: Timestamp) -> std::result::Result<TokenRecord, InvalidId> {
    let token = Token::new(known.scope, known.token.get(4..).unwrap_or_default());
    Ok(TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from(known.subject.to_owned()).map_err(|_| InvalidId)?,
        scopes: [known.scope].into(),
        workspaces: [known.workspace.parse()?].into_iter().collect(),
        created_at: now,
        expires_at: None,
        last_four: token.last_four(),
    })
}

fn unusable() -> StoreError {
    StoreError::new("issue dev tokens", StoreErrorKind::Internal)
}

/// The dev tokens in front of a store that must not hold them.
#[derive(Clone, Debug)]
pub struct DevTokens<S> {
    dev: MemoryStore,
    rest: S,
}

impl<S: TokenStore> DevTokens<S> {
    /// In front of `rest`.
    pub async fn before(rest: S, now: Timestamp) -> Result<Self> {
        let dev = MemoryStore::default();
        issue_dev_tokens(&dev, now).await?;
        Ok(Self { dev, rest })
    }
}

impl<S: TokenStore> TokenStore for DevTokens<S> {
    async fn find_token(&self, hash: TokenHash, now: Timestamp) -> Result<Option<TokenRecord>> {
        match self.dev.find_token(hash, now).await? {
            Some(record) => Ok(Some(record)),
            None => self.rest.find_token(hash, now).await,
        }
    }

    async fn issue_token(&self, record: &TokenRecord) -> Result<()> {
        self.rest.issue_token(record).await
    }

    async fn list_tokens(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<TokenRecord>> {
        self.rest.list_tokens(workspace, now).await
    }

    async fn revoke_token(&self, workspace: WorkspaceId, hash: TokenHash) -> Result<RevokeOutcome> {
        self.rest.revoke_token(workspace, hash).await
    }
}
