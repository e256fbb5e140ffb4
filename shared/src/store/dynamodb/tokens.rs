//! Tokens and their listings.
//!
//! Issuing writes the listings first; revoking deletes the token first. A crash in between leaves listings without a token, which
//! lists skip, never a valid token without a listing.

use std::collections::BTreeSet;

use doorbell_protocol::{Scope, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::DynamoDbStore;
use super::error::{corrupt, failed};
use super::items::{decode, encode};
use super::keys::{Item, Key, LISTED_TOKENS};
use crate::runtime::ShortText;
use crate::store::outcome::{Result, RevokeOutcome, StoreError};
use crate::token::{TokenHash, TokenRecord};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TokenItem {
    #[serde(flatten)]
    key: Key,
    subject: String,
    scopes: BTreeSet<Scope>,
    workspaces: Vec<WorkspaceId>,
    created_at: i64,
    last_four: String,
    /// In milliseconds. `expires_at`, for TTL, is in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct TokenListingItem {
    #[serde(flatten)]
    key: Key,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl From<&TokenRecord> for TokenItem {
    fn from(record: &TokenRecord) -> Self {
        Self {
            key: Key::token(record.hash),
            subject: record.subject.to_string(),
            scopes: record.scopes.clone(),
            workspaces: record.workspaces.iter().collect(),
            created_at: record.created_at.millis(),
            last_four: record.last_four.clone(),
            valid_until: record.expires_at.map(Timestamp::millis),
            expires_at: record.expires_at.map(Timestamp::seconds_rounded_up),
        }
    }
}

impl TryFrom<TokenItem> for TokenRecord {
    type Error = StoreError;
    fn try_from(item: TokenItem) -> Result<Self> {
        let time = |millis| Timestamp::from_millis(millis).ok_or_else(|| corrupt("a token's time"));
        Ok(Self {
            hash: item.key.token_hash().ok_or_else(|| corrupt("a token's key"))?,
            subject: ShortText::try_from(item.subject).map_err(|_| corrupt("a token's subject"))?,
            scopes: item.scopes,
            workspaces: item.workspaces.into_iter().collect(),
            created_at: time(item.created_at)?,
            expires_at: item.valid_until.map(time).transpose()?,
            last_four: item.last_four,
        })
    }
}

impl DynamoDbStore {
    /// One consistent read: a revoked token must not be found.
    pub(super) async fn read_token(&self, hash: TokenHash) -> Result<Option<TokenRecord>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Key::token(hash).into()));
        let output = get.consistent_read(true).send().await.map_err(failed("read token"))?;
        output.item.map(record).transpose()
    }

    pub(super) async fn write_token(&self, record: &TokenRecord) -> Result<()> {
        let item = TokenItem::from(record);
        for workspace in record.workspaces.iter() {
            let key = Key::token_listing(workspace, record.hash);
            self.put_token_item(encode(TokenListingItem { key, expires_at: item.expires_at })?).await?;
        }
        self.put_token_item(encode(item)?).await
    }

    pub(super) async fn read_tokens(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>> {
        let listed = self.read_listings(workspace, LISTED_TOKENS).await?;
        let keys = listed.iter().filter_map(Key::listed_token_hash).map(Key::token);
        let items = self.read_batches(keys.collect()).await?;
        let mut records = items.into_iter().map(record).collect::<Result<Vec<_>>>()?;
        records.retain(|record| record.workspaces.contains(workspace) && record.is_valid(now));
        Ok(records)
    }

    pub(super) async fn delete_token(
        &self,
        workspace: WorkspaceId,
        hash: TokenHash,
    ) -> Result<RevokeOutcome> {
        let record = self.read_token(hash).await?;
        let Some(record) = record.filter(|record| record.workspaces.contains(workspace)) else {
            return Ok(RevokeOutcome::NotFound);
        };
        self.delete_token_item(Key::token(hash)).await?;
        for workspace in record.workspaces.iter() {
            self.delete_token_item(Key::token_listing(workspace, hash)).await?;
        }
        Ok(RevokeOutcome::Revoked)
    }

    async fn put_token_item(&self, item: Item) -> Result<()> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(failed("issue token"))?;
        Ok(())
    }

    async fn delete_token_item(&self, key: Key) -> Result<()> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key.into()));
        delete.send().await.map_err(failed("revoke token"))?;
        Ok(())
    }
}

fn record(item: Item) -> Result<TokenRecord> {
    TokenRecord::try_from(decode::<TokenItem>(item)?)
}
