//! Tokens and their listings.
//!
//! Issuing writes the listings first; revoking deletes the token first. A crash in between leaves listings without a token, which
//! lists skip, never a valid token without a listing.

use std::collections::BTreeSet;

use doorbell_protocol::{Scope, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};

use super::DynamoDbStore;
use super::error::{conditional, corrupt, failed};
use super::items::{decode, encode};
use super::keys::{CONNECTION, Item, Key, LISTED_TOKENS, millis, number, string};
use crate::access::Workspaces;
use crate::limits::{TOKEN_CONNECTION_RETENTION, TOKEN_USE_INTERVAL};
use crate::push::ClientId;
use crate::runtime::ShortText;
use crate::store::outcome::{FindTokenOutcome, Result, RevokeOutcome, StoreError, TokenPage};
use crate::token::{TokenHash, TokenRecord};
use crate::token_id::TokenId;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TokenItem {
    #[serde(flatten)]
    key: Key,
    subject: String,
    scopes: BTreeSet<Scope>,
    workspaces: Vec<WorkspaceId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon_id: Option<String>,
    created_at: i64,
    last_four: String,
    /// In milliseconds. `expires_at`, for TTL, is in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct TokenListingItem {
    #[serde(flatten)]
    key: Key,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

impl TokenListingItem {
    pub(super) fn new(workspace: WorkspaceId, record: &TokenRecord) -> Self {
        let expires_at = record.expires_at.map(Timestamp::seconds_rounded_up);
        Self { key: Key::token_listing(workspace, record.hash), expires_at }
    }
}

impl From<&TokenRecord> for TokenItem {
    fn from(record: &TokenRecord) -> Self {
        Self {
            key: Key::token(record.hash),
            subject: record.subject.to_string(),
            scopes: record.scopes.clone(),
            workspaces: record.workspaces.iter().collect(),
            daemon_id: record.daemon_id.as_ref().map(ToString::to_string),
            created_at: record.created_at.millis(),
            last_four: record.last_four.clone(),
            valid_until: record.expires_at.map(Timestamp::millis),
            expires_at: record.expires_at.map(Timestamp::seconds_rounded_up),
            last_used_at: record.last_used_at.map(Timestamp::millis),
        }
    }
}

impl TryFrom<TokenItem> for TokenRecord {
    type Error = StoreError;
    fn try_from(item: TokenItem) -> Result<Self> {
        let time = |millis| Timestamp::from_millis(millis).ok_or_else(|| corrupt("a token's time"));
        Ok(Self {
            hash: item.key.token_hash().ok_or_else(|| corrupt("a token's key"))?,
            subject: ShortText::from_stored(&item.subject),
            scopes: item.scopes,
            workspaces: Workspaces::new(item.workspaces).map_err(|_| corrupt("a token's workspaces"))?,
            daemon_id: item.daemon_id.as_deref().map(ShortText::from_stored),
            created_at: time(item.created_at)?,
            expires_at: item.valid_until.map(time).transpose()?,
            last_four: item.last_four,
            last_used_at: item.last_used_at.map(time).transpose()?,
        })
    }
}

impl TokenItem {
    /// `None` if it has more workspaces than a token may have. A version without that limit may have stored it.
    fn record(self) -> Result<Option<TokenRecord>> {
        if Workspaces::new(self.workspaces.iter().copied()).is_err() {
            return Ok(None);
        }
        TokenRecord::try_from(self).map(Some)
    }
}

impl DynamoDbStore {
    /// One consistent read: a revoked token must not be found.
    pub(super) async fn read_token(&self, hash: TokenHash, now: Timestamp) -> Result<FindTokenOutcome> {
        let Some(item) = self.read_token_item(hash).await? else { return Ok(FindTokenOutcome::NotFound) };
        Ok(match item.record()? {
            Some(record) if record.is_valid(now) => FindTokenOutcome::Found(record),
            Some(_) => FindTokenOutcome::NotFound,
            None => FindTokenOutcome::TooManyWorkspaces,
        })
    }

    async fn read_token_item(&self, hash: TokenHash) -> Result<Option<TokenItem>> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(Key::token(hash).into()));
        let output = get.consistent_read(true).send().await.map_err(failed("read token"))?;
        output.item.map(decode).transpose()
    }

    /// One write. A failed condition is ignored: the token was revoked, or another authorizer has recorded a use.
    pub(super) async fn write_token_use(&self, hash: TokenHash, now: Timestamp) -> Result<()> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Key::token(hash).into()))
            .update_expression("SET last_used_at = :now")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :since)",
            )
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":since", millis(now - TOKEN_USE_INTERVAL));
        conditional("record token use", update.send().await)?;
        Ok(())
    }

    pub(super) async fn write_token(&self, record: &TokenRecord) -> Result<()> {
        for workspace in record.workspaces.iter() {
            self.put_token_item(encode(TokenListingItem::new(workspace, record))?).await?;
        }
        self.put_token_item(encode(TokenItem::from(record))?).await
    }

    pub(super) async fn read_tokens(
        &self,
        workspace: WorkspaceId,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>> {
        let listed = self.read_listings(workspace, LISTED_TOKENS).await?;
        let hashes = listed.iter().filter_map(Key::listed_token_hash);
        self.read_listed_tokens(workspace, hashes.collect(), now).await
    }

    /// One query of the listings, then the tokens in batches.
    pub(super) async fn read_token_page(
        &self,
        workspace: WorkspaceId,
        after: Option<TokenHash>,
        limit: usize,
        now: Timestamp,
    ) -> Result<TokenPage> {
        let start = after.map(|hash| Key::token_listing(workspace, hash).into());
        // One listing more than `limit` shows whether another page follows.
        let limited = i32::try_from(limit + 1).unwrap_or(i32::MAX);
        let query =
            self.query_listings(workspace, LISTED_TOKENS).set_exclusive_start_key(start).limit(limited);
        let output = query.send().await.map_err(failed("list"))?;
        let mut listed = Vec::new();
        for item in output.items.unwrap_or_default() {
            let hash = decode::<Key>(item)?.listed_token_hash();
            listed.push(hash.ok_or_else(|| corrupt("a listing's key"))?);
        }
        let is_last = listed.len() <= limit && output.last_evaluated_key.is_none();
        listed.truncate(limit);
        let next = listed.last().copied().filter(|_| !is_last);
        let mut tokens = self.read_listed_tokens(workspace, listed, now).await?;
        // A batch comes back in any order.
        tokens.sort_unstable_by_key(|record| record.hash);
        Ok(TokenPage { tokens, next })
    }

    /// One query: an id is the beginning of its hash, and so of the sort key.
    pub(super) async fn read_token_hash(
        &self,
        workspace: WorkspaceId,
        id: TokenId,
    ) -> Result<Option<TokenHash>> {
        let query = self.query_listings(workspace, &format!("{LISTED_TOKENS}{id}")).limit(1);
        let output = query.send().await.map_err(failed("find token"))?;
        let Some(item) = output.items.unwrap_or_default().into_iter().next() else { return Ok(None) };
        let hash = decode::<Key>(item)?.listed_token_hash();
        hash.map(Some).ok_or_else(|| corrupt("a listing's key"))
    }

    async fn read_listed_tokens(
        &self,
        workspace: WorkspaceId,
        listed: Vec<TokenHash>,
        now: Timestamp,
    ) -> Result<Vec<TokenRecord>> {
        let mut records = Vec::new();
        for item in self.read_batches(listed.into_iter().map(Key::token).collect()).await? {
            let item: TokenItem = decode(item)?;
            let hash = item.key.token_hash();
            match item.record()? {
                Some(record) => records.push(record),
                None => tracing::warn!(
                    id = hash.map(tracing::field::display),
                    "token with too many workspaces: revoke it by this id"
                ),
            }
        }
        records.retain(|record| record.workspaces.contains(workspace) && record.is_valid(now));
        Ok(records)
    }

    /// One write.
    pub(super) async fn write_token_connection(
        &self,
        hash: TokenHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<()> {
        let mut item = Item::from(Key::token_connection(hash, client));
        let expires_at = (now + TOKEN_CONNECTION_RETENTION).seconds_rounded_up();
        item.insert("expires_at".to_owned(), number(expires_at));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(failed("record connection of token"))?;
        Ok(())
    }

    /// TTL deletes ended ones late, so there may be some.
    pub(super) async fn read_token_connections(&self, hash: TokenHash) -> Result<Vec<ClientId>> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", string(Key::token(hash).pk))
            .expression_attribute_values(":prefix", string(CONNECTION))
            .consistent_read(true);
        let mut items = query.into_paginator().items().send();
        let mut clients = Vec::new();
        while let Some(item) = items.next().await {
            let key: Key = decode(item.map_err(failed("list connections of token"))?)?;
            clients.extend(key.connected_client());
        }
        Ok(clients)
    }

    pub(super) async fn delete_token(
        &self,
        workspace: WorkspaceId,
        hash: TokenHash,
    ) -> Result<RevokeOutcome> {
        // Not the record: a token with too many workspaces can be revoked.
        let item = self.read_token_item(hash).await?;
        let Some(item) = item.filter(|item| item.workspaces.contains(&workspace)) else {
            return Ok(RevokeOutcome::NotFound);
        };
        self.delete_token_item(Key::token(hash)).await?;
        for workspace in item.workspaces {
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
