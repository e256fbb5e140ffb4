//! Every key shape of the table. They are permanent: stored items outlive the code that wrote them.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | runtime | `runtime#<uuid>` | `runtime` |
//! | request | `runtime#<uuid>` | `request#<uuidv7, 32 hex digits>` |
//! | listing | `workspace#<uuid>` | `runtime#<uuid>` |
//! | token | `token#<sha256, 64 hex digits>` | `token` |
//! | token's listing | `workspace#<uuid>` | `token#<sha256, 64 hex digits>` |
//!
//! All of a runtime is one partition, so every read can be consistent and load spreads by runtime. The request's sort
//! key is its UUIDv7, so key order is queue order, and what may still be open is a range that starts at a time: a look
//! for work costs the same however many answered requests wait for TTL behind it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::id::{RequestId, RuntimeId, WorkspaceId};
use crate::request::Address;
use crate::token::TokenHash;

const RUNTIME: &str = "runtime#";
const WORKSPACE: &str = "workspace#";
const REQUEST: &str = "request#";
const RUNTIME_SORT: &str = "runtime";
const TOKEN: &str = "token#";
const TOKEN_SORT: &str = "token";

/// A primary key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn runtime(runtime: RuntimeId) -> Self {
        Self { pk: runtime_partition(runtime), sk: RUNTIME_SORT.to_owned() }
    }

    pub(super) fn request(address: Address) -> Self {
        Self { pk: runtime_partition(address.runtime), sk: request_sort(address.request) }
    }

    pub(super) fn listing(workspace: WorkspaceId, runtime: RuntimeId) -> Self {
        Self { pk: workspace_partition(workspace), sk: runtime_partition(runtime) }
    }

    pub(super) fn token(hash: TokenHash) -> Self {
        Self { pk: format!("{TOKEN}{hash}"), sk: TOKEN_SORT.to_owned() }
    }

    pub(super) fn token_listing(workspace: WorkspaceId, hash: TokenHash) -> Self {
        Self { pk: workspace_partition(workspace), sk: format!("{TOKEN}{hash}") }
    }

    /// The token whose item this is.
    pub(super) fn token_hash(&self) -> Option<TokenHash> {
        self.pk.strip_prefix(TOKEN)?.parse().ok()
    }

    /// The token that this listing names.
    pub(super) fn listed_token_hash(&self) -> Option<TokenHash> {
        self.sk.strip_prefix(TOKEN)?.parse().ok()
    }

    /// The runtime whose partition this is.
    pub(super) fn runtime_id(&self) -> Option<RuntimeId> {
        self.pk.strip_prefix(RUNTIME)?.parse().ok()
    }

    /// The request whose item this is.
    pub(super) fn request_id(&self) -> Option<RequestId> {
        self.sk.strip_prefix(REQUEST)?.parse().ok()
    }

    /// The runtime that this listing names.
    pub(super) fn listed_runtime_id(&self) -> Option<RuntimeId> {
        self.sk.strip_prefix(RUNTIME)?.parse().ok()
    }
}

impl From<Key> for HashMap<String, AttributeValue> {
    fn from(key: Key) -> Self {
        Self::from([
            ("pk".to_owned(), AttributeValue::S(key.pk)),
            ("sk".to_owned(), AttributeValue::S(key.sk)),
        ])
    }
}

pub(super) fn runtime_partition(runtime: RuntimeId) -> String {
    format!("{RUNTIME}{runtime}")
}

pub(super) fn workspace_partition(workspace: WorkspaceId) -> String {
    format!("{WORKSPACE}{workspace}")
}

pub(super) fn request_sort(request: RequestId) -> String {
    format!("{REQUEST}{request}")
}

/// What the sort keys of a workspace's runtimes begin with.
pub(super) const LISTED_RUNTIMES: &str = RUNTIME;
/// What the sort keys of a workspace's tokens begin with.
pub(super) const LISTED_TOKENS: &str = TOKEN;

/// Above every request's sort key: `~` follows the hex digits in UTF-8.
pub(super) fn last_request_sort() -> String {
    format!("{REQUEST}~")
}
