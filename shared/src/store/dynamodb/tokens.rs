//! Tokens: one consistent read to know one. Issuing writes the listings first and revoking deletes the token first, so
//! that a crash in between leaves listings of nothing, which lists pass over, and never a token that cannot be found.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::DynamoDbStore;
use super::error::{corrupt, failed};
use super::items::{Item, read, write};
use super::keys::{Key, LISTED_TOKENS};
use crate::access::Scope;
use crate::id::WorkspaceId;
use crate::runtime::Text;
use crate::store::{Result, Revoked, StoreError, TokenAdministration, Tokens};
use crate::time::Timestamp;
use crate::token::{TokenHash, TokenRecord};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TokenItem {
    #[serde(flatten)]
    key: Key,
    subject: String,
    scopes: Vec<String>,
    workspaces: Vec<WorkspaceId>,
    created_at: i64,
    last_four: String,
    /// In milliseconds, and exact: TTL's own attribute is in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

/// Says which token, and no more.
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
            scopes: record.scopes.iter().map(Scope::to_string).collect(),
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
        let scopes: Option<BTreeSet<Scope>> = item.scopes.iter().map(|name| Scope::from_name(name)).collect();
        Ok(Self {
            hash: item.key.token_hash().ok_or_else(|| corrupt("a token's pk"))?,
            subject: Text::try_from(item.subject).map_err(|_| corrupt("a token's subject"))?,
            scopes: scopes.ok_or_else(|| corrupt("a token's scopes"))?,
            workspaces: item.workspaces.into_iter().collect(),
            created_at: time(item.created_at)?,
            expires_at: item.valid_until.map(time).transpose()?,
            last_four: item.last_four,
        })
    }
}

impl Tokens for DynamoDbStore {
    async fn token(&self, hash: TokenHash, now: Timestamp) -> Result<Option<TokenRecord>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Key::token(hash).into()));
        let output = get.consistent_read(true).send().await.map_err(|error| failed("read token")(&error))?;
        let record = output.item.map(record).transpose()?;
        Ok(record.filter(|record| record.is_valid(now)))
    }
}

impl TokenAdministration for DynamoDbStore {
    async fn issue(&self, record: &TokenRecord) -> Result<()> {
        let item = TokenItem::from(record);
        for workspace in record.workspaces.iter() {
            let key = Key::token_listing(workspace, record.hash);
            self.put(write(TokenListingItem { key, expires_at: item.expires_at })?).await?;
        }
        self.put(write(item)?).await
    }

    async fn tokens(&self, workspace: WorkspaceId, now: Timestamp) -> Result<Vec<TokenRecord>> {
        let listed = self.listed(workspace, LISTED_TOKENS).await?;
        let keys = listed.iter().filter_map(Key::listed_token_hash).map(Key::token);
        let items = self.items(keys.collect()).await?;
        let mut records = items.into_iter().map(record).collect::<Result<Vec<_>>>()?;
        records.retain(|record| record.workspaces.contains(workspace) && record.is_valid(now));
        Ok(records)
    }

    async fn revoke(&self, workspace: WorkspaceId, hash: TokenHash) -> Result<Revoked> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Key::token(hash).into()));
        let output = get.consistent_read(true).send().await.map_err(|error| failed("read token")(&error))?;
        let known = output.item.map(record).transpose()?;
        let Some(record) = known.filter(|record| record.workspaces.contains(workspace)) else {
            return Ok(Revoked::Unknown);
        };
        self.delete(Key::token(hash)).await?;
        for workspace in record.workspaces.iter() {
            self.delete(Key::token_listing(workspace, hash)).await?;
        }
        Ok(Revoked::Done)
    }
}

fn record(item: Item) -> Result<TokenRecord> {
    TokenRecord::try_from(read::<TokenItem>(item)?)
}

impl DynamoDbStore {
    async fn put(&self, item: Item) -> Result<()> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(|error| failed("issue token")(&error))?;
        Ok(())
    }

    async fn delete(&self, key: Key) -> Result<()> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key.into()));
        delete.send().await.map_err(|error| failed("revoke token")(&error))?;
        Ok(())
    }
}
