//! Tokens in memory.

use doorbell_protocol::{Timestamp, WorkspaceId};

use super::MemoryStore;
use crate::enrolment::{Enrolment, EnrolmentHash};
use crate::push::ClientId;
use crate::runtime::ShortText;
use crate::store::TokenStore;
use crate::store::outcome::{FindTokenOutcome, RedeemOutcome, Result, RevokeOutcome, TokenPage};
use crate::token::{Token, TokenHash, TokenRecord};
use crate::token_id::TokenId;

impl TokenStore for MemoryStore {
    async fn find_token(&self, hash: TokenHash, now: Timestamp) -> Result<FindTokenOutcome> {
        let contents = self.contents();
        let record = contents.tokens.get(&hash).filter(|record| record.is_valid(now)).cloned();
        Ok(record.map_or(FindTokenOutcome::NotFound, FindTokenOutcome::Found))
    }

    async fn record_token_use(&self, hash: TokenHash, now: Timestamp) -> Result<()> {
        let mut contents = self.contents();
        if let Some(record) = contents.tokens.get_mut(&hash).filter(|record| record.is_use_due(now)) {
            record.last_used_at = Some(now);
        }
        Ok(())
    }

    async fn issue_token(&self, record: &TokenRecord) -> Result<()> {
        self.contents().tokens.insert(record.hash, record.clone());
        Ok(())
    }

    async fn list_tokens(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<TokenRecord>> {
        let contents = self.contents();
        let of_workspace = contents.tokens.values().filter(|record| record.workspaces.contains(workspace));
        Ok(of_workspace.filter(|record| record.is_valid(now)).cloned().collect())
    }

    async fn list_token_page(
        &self,
        workspace: WorkspaceId,
        after: Option<TokenHash>,
        limit: usize,
        now: Timestamp,
    ) -> Result<TokenPage> {
        let mut tokens = self.list_tokens(workspace, now).await?;
        tokens.retain(|record| after.is_none_or(|after| record.hash > after));
        tokens.sort_unstable_by_key(|record| record.hash);
        let is_last = tokens.len() <= limit;
        tokens.truncate(limit);
        let next = tokens.last().map(|record| record.hash).filter(|_| !is_last);
        Ok(TokenPage { tokens, next })
    }

    async fn find_token_hash(&self, workspace: WorkspaceId, id: TokenId) -> Result<Option<TokenHash>> {
        let contents = self.contents();
        let of_workspace = contents.tokens.values().filter(|record| record.workspaces.contains(workspace));
        Ok(of_workspace.map(|record| record.hash).filter(|hash| hash.id() == id).min())
    }

    async fn record_token_connection(&self, hash: TokenHash, client: &ClientId, _: Timestamp) -> Result<()> {
        self.contents().token_connections.entry(hash).or_default().insert(client.clone());
        Ok(())
    }

    async fn find_token_connections(&self, hash: TokenHash) -> Result<Vec<ClientId>> {
        let contents = self.contents();
        Ok(contents.token_connections.get(&hash).into_iter().flatten().cloned().collect())
    }

    async fn revoke_token(&self, workspace: WorkspaceId, hash: TokenHash) -> Result<RevokeOutcome> {
        let mut contents = self.contents();
        if !contents.tokens.get(&hash).is_some_and(|record| record.workspaces.contains(workspace)) {
            return Ok(RevokeOutcome::NotFound);
        }
        contents.tokens.remove(&hash);
        Ok(RevokeOutcome::Revoked)
    }

    async fn create_enrolment(&self, enrolment: &Enrolment) -> Result<()> {
        self.contents().enrolments.insert(enrolment.hash, enrolment.clone());
        Ok(())
    }

    async fn redeem_enrolment(
        &self,
        code: EnrolmentHash,
        daemon_id: &ShortText,
        token: &Token,
        now: Timestamp,
    ) -> Result<RedeemOutcome> {
        let mut contents = self.contents();
        let Some(enrolment) = contents.enrolments.get(&code) else { return Ok(RedeemOutcome::NotFound) };
        if !enrolment.is_redeemable(daemon_id, now) {
            return Ok(RedeemOutcome::NotFound);
        }
        let record = enrolment.token(daemon_id, token, now);
        let redeemed = enrolment.clone().redeemed(daemon_id, record.hash, now);
        let earlier = enrolment.redemption.as_ref().map(|redemption| redemption.token);
        if earlier.is_some_and(|earlier| contents.tokens.remove(&earlier).is_none()) {
            return Ok(RedeemOutcome::NotFound);
        }
        contents.tokens.insert(record.hash, record.clone());
        contents.enrolments.insert(code, redeemed);
        Ok(RedeemOutcome::Redeemed(record))
    }
}
