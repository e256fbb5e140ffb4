//! The tokens of `doorbell dev`, for a user, a daemon and an administrator in each of two workspaces. They are fixed and public, so `doorbell
//! dev` listens on loopback only and never writes them into a shared table.

use doorbell_protocol::{InvalidId, Scope, Timestamp, WorkspaceId};
use doorbell_shared::access::Workspaces;
use doorbell_shared::enrolment::{Enrolment, EnrolmentHash};
use doorbell_shared::push::ClientId;
use doorbell_shared::runtime::ShortText;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{
    FindTokenOutcome, RedeemOutcome, Result, RevokeOutcome, StoreError, StoreErrorKind, TokenPage, TokenStore,
};
use doorbell_shared::token::{Token, TokenHash, TokenRecord};
use doorbell_shared::token_id::TokenId;

pub const WORKSPACE_A: &str = "00000000-0000-4000-8000-00000000000a";
pub const WORKSPACE_B: &str = "00000000-0000-4000-8000-00000000000b";

/// A fixed token of `doorbell dev`.
#[derive(Clone, Copy, Debug)]
pub struct DevToken {
    pub token: &'static str,
    pub subject: &'static str,
    pub scope: Scope,
    pub workspace: &'static str,
}

pub const USER_A: DevToken =
    DevToken { token: "dbu_dev_a", subject: "user-a", scope: Scope::User, workspace: WORKSPACE_A };
pub const DAEMON_A: DevToken =
    DevToken { token: "dbd_dev_a", subject: "daemon-a", scope: Scope::Daemon, workspace: WORKSPACE_A };
const USER_B: DevToken =
    DevToken { token: "dbu_dev_b", subject: "user-b", scope: Scope::User, workspace: WORKSPACE_B };
const DAEMON_B: DevToken =
    DevToken { token: "dbd_dev_b", subject: "daemon-b", scope: Scope::Daemon, workspace: WORKSPACE_B };

pub const ADMIN_A: DevToken =
    DevToken { token: "dba_dev_a", subject: "admin-a", scope: Scope::Admin, workspace: WORKSPACE_A };
const ADMIN_B: DevToken =
    DevToken { token: "dba_dev_b", subject: "admin-b", scope: Scope::Admin, workspace: WORKSPACE_B };

pub const TOKENS: [DevToken; 6] = [USER_A, DAEMON_A, USER_B, DAEMON_B, ADMIN_A, ADMIN_B];

/// Stores the tokens in `store`, without expiry.
pub async fn issue_dev_tokens(store: &impl TokenStore, now: Timestamp) -> Result<()> {
    for token in TOKENS {
        store.issue_token(&record(token, now).map_err(|_| invalid_token())?).await?;
    }
    Ok(())
}

fn record(dev: DevToken, now: Timestamp) -> std::result::Result<TokenRecord, InvalidId> {
    let token = Token::new(dev.scope, dev.token.get(4..).unwrap_or_default());
    Ok(TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from(dev.subject.to_owned()).map_err(|_| InvalidId)?,
        scopes: [dev.scope].into(),
        workspaces: Workspaces::of(dev.workspace.parse()?),
        created_at: now,
        expires_at: None,
        last_four: token.last_four(),
        daemon_id: None,
        last_used_at: None,
    })
}

fn invalid_token() -> StoreError {
    StoreError::new("issue dev tokens", StoreErrorKind::Internal)
}

/// The dev tokens in memory, in front of a store that must not hold them.
///
/// Anyone may administer the dev workspaces here, because the dev tokens are public. So the tokens and enrolments of these workspaces stay
/// in memory as well: in a shared table they would be accepted by other deployments.
#[derive(Clone, Debug)]
pub struct DevTokens<S> {
    dev: MemoryStore,
    store: S,
}

impl<S: TokenStore> DevTokens<S> {
    pub async fn before(store: S, now: Timestamp) -> Result<Self> {
        let dev = MemoryStore::default();
        issue_dev_tokens(&dev, now).await?;
        Ok(Self { dev, store })
    }

    fn is_dev(workspace: WorkspaceId) -> bool {
        TOKENS.iter().any(|dev| dev.workspace.parse() == Ok(workspace))
    }
}

impl<S: TokenStore> TokenStore for DevTokens<S> {
    async fn find_token(&self, hash: TokenHash, now: Timestamp) -> Result<FindTokenOutcome> {
        match self.dev.find_token(hash, now).await? {
            FindTokenOutcome::NotFound => self.store.find_token(hash, now).await,
            dev => Ok(dev),
        }
    }

    async fn record_token_use(&self, hash: TokenHash, now: Timestamp) -> Result<()> {
        match self.dev.find_token(hash, now).await? {
            FindTokenOutcome::NotFound => self.store.record_token_use(hash, now).await,
            _ => self.dev.record_token_use(hash, now).await,
        }
    }

    async fn issue_token(&self, record: &TokenRecord) -> Result<()> {
        if record.workspaces.iter().any(|workspace| Self::is_dev(workspace)) {
            return self.dev.issue_token(record).await;
        }
        self.store.issue_token(record).await
    }

    async fn list_tokens(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<TokenRecord>> {
        if Self::is_dev(workspace) {
            return self.dev.list_tokens(workspace, now).await;
        }
        self.store.list_tokens(workspace, now).await
    }

    async fn list_token_page(
        &self,
        workspace: WorkspaceId,
        after: Option<TokenHash>,
        limit: usize,
        now: Timestamp,
    ) -> Result<TokenPage> {
        if Self::is_dev(workspace) {
            return self.dev.list_token_page(workspace, after, limit, now).await;
        }
        self.store.list_token_page(workspace, after, limit, now).await
    }

    async fn find_token_hash(&self, workspace: WorkspaceId, id: TokenId) -> Result<Option<TokenHash>> {
        if Self::is_dev(workspace) {
            return self.dev.find_token_hash(workspace, id).await;
        }
        self.store.find_token_hash(workspace, id).await
    }

    async fn record_token_connection(
        &self,
        hash: TokenHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<()> {
        match self.dev.find_token(hash, now).await? {
            FindTokenOutcome::NotFound => self.store.record_token_connection(hash, client, now).await,
            _ => self.dev.record_token_connection(hash, client, now).await,
        }
    }

    async fn find_token_connections(&self, hash: TokenHash) -> Result<Vec<ClientId>> {
        // The token may be revoked, so its workspace is unknown. A hash is in one of the two.
        let mut clients = self.dev.find_token_connections(hash).await?;
        clients.extend(self.store.find_token_connections(hash).await?);
        Ok(clients)
    }

    async fn revoke_token(&self, workspace: WorkspaceId, hash: TokenHash) -> Result<RevokeOutcome> {
        if Self::is_dev(workspace) {
            return self.dev.revoke_token(workspace, hash).await;
        }
        self.store.revoke_token(workspace, hash).await
    }

    async fn create_enrolment(&self, enrolment: &Enrolment) -> Result<()> {
        if Self::is_dev(enrolment.workspace) {
            return self.dev.create_enrolment(enrolment).await;
        }
        self.store.create_enrolment(enrolment).await
    }

    async fn redeem_enrolment(
        &self,
        code: EnrolmentHash,
        daemon_id: &ShortText,
        token: &Token,
        now: Timestamp,
    ) -> Result<RedeemOutcome> {
        match self.dev.redeem_enrolment(code, daemon_id, token, now).await? {
            RedeemOutcome::NotFound => self.store.redeem_enrolment(code, daemon_id, token, now).await,
            redeemed => Ok(redeemed),
        }
    }
}
