//! The keys of the table. They are permanent: stored items outlive the code that wrote them.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | runtime | `runtime#<uuid>` | `runtime` |
//! | questions | `runtime#<uuid>` | `questions` |
//! | request | `runtime#<uuid>` | `request#<uuidv7, 32 hex digits>` |
//! | catalog | `runtime#<uuid>` | `catalog#<kind>` |
//! | idempotency key | `runtime#<uuid>` | `key#<sha256 of the key, 64 hex digits>` |
//! | workspace | `workspace#<uuid>` | `workspace` |
//! | listing | `workspace#<uuid>` | `runtime#<uuid>` |
//! | token | `token#<sha256, 64 hex digits>` | `token` |
//! | token's listing | `workspace#<uuid>` | `token#<sha256, 64 hex digits>` |
//! | token's connection | `token#<sha256, 64 hex digits>` | `connection#<client id>` |
//! | enrolment | `enrolment#<sha256, 64 hex digits>` | `enrolment` |
//! | connection | `connection#<client id>` | `connection` |
//! | token's rate | `caller#<id, 12 hex digits>` | `rate#<action>` |
//!
//! A runtime, its questions, its catalog and its requests share a partition, so load spreads by runtime.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::{IdempotencyKey, Kind, RequestId, RuntimeId, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::enrolment::EnrolmentHash;
use crate::push::ClientId;
use crate::rate_limit::TokenAction;
use crate::token::TokenHash;
use crate::token_id::TokenId;

const RUNTIME: &str = "runtime#";
const WORKSPACE: &str = "workspace#";
const REQUEST: &str = "request#";
const IDEMPOTENCY_KEY: &str = "key#";
const CATALOG: &str = "catalog#";
const RUNTIME_SORT: &str = "runtime";
const QUESTIONS_SORT: &str = "questions";
const WORKSPACE_SORT: &str = "workspace";
const TOKEN: &str = "token#";
const TOKEN_SORT: &str = "token";
const ENROLMENT: &str = "enrolment#";
const ENROLMENT_SORT: &str = "enrolment";
const CALLER: &str = "caller#";
const RATE: &str = "rate#";
pub(super) const CONNECTION: &str = "connection#";
const CONNECTION_SORT: &str = "connection";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn runtime(runtime: RuntimeId) -> Self {
        Self { pk: runtime_partition(runtime), sk: RUNTIME_SORT.to_owned() }
    }

    pub(super) fn questions(runtime: RuntimeId) -> Self {
        Self { pk: runtime_partition(runtime), sk: QUESTIONS_SORT.to_owned() }
    }

    pub(super) fn catalog(runtime: RuntimeId, kind: Kind) -> Self {
        Self { pk: runtime_partition(runtime), sk: format!("{CATALOG}{kind}") }
    }

    /// Of the key's hash, because a client may derive its keys from secrets.
    pub(super) fn idempotency_key(runtime: RuntimeId, key: &IdempotencyKey) -> Self {
        let hash = hex::encode(Sha256::digest(key.as_str()));
        Self { pk: runtime_partition(runtime), sk: format!("{IDEMPOTENCY_KEY}{hash}") }
    }

    pub(super) fn request(runtime: RuntimeId, request: RequestId) -> Self {
        Self { pk: runtime_partition(runtime), sk: request_sort(request) }
    }

    pub(super) fn workspace(workspace: WorkspaceId) -> Self {
        Self { pk: workspace_partition(workspace), sk: WORKSPACE_SORT.to_owned() }
    }

    pub(super) fn listing(workspace: WorkspaceId, runtime: RuntimeId) -> Self {
        Self { pk: workspace_partition(workspace), sk: runtime_partition(runtime) }
    }

    pub(super) fn token(hash: TokenHash) -> Self {
        Self { pk: format!("{TOKEN}{hash}"), sk: TOKEN_SORT.to_owned() }
    }

    pub(super) fn enrolment(hash: EnrolmentHash) -> Self {
        Self { pk: format!("{ENROLMENT}{hash}"), sk: ENROLMENT_SORT.to_owned() }
    }

    pub(super) fn token_listing(workspace: WorkspaceId, hash: TokenHash) -> Self {
        Self { pk: workspace_partition(workspace), sk: format!("{TOKEN}{hash}") }
    }

    pub(super) fn token_rate(token: TokenId, action: TokenAction) -> Self {
        Self { pk: format!("{CALLER}{token}"), sk: format!("{RATE}{}", action.as_str()) }
    }

    pub(super) fn connection(client: &ClientId) -> Self {
        Self { pk: format!("{CONNECTION}{client}"), sk: CONNECTION_SORT.to_owned() }
    }

    pub(super) fn token_connection(hash: TokenHash, client: &ClientId) -> Self {
        Self { sk: format!("{CONNECTION}{client}"), ..Self::token(hash) }
    }

    /// The client in the key of a token's connection.
    pub(super) fn connected_client(&self) -> Option<ClientId> {
        self.sk.strip_prefix(CONNECTION)?.parse().ok()
    }

    /// The id in a token's key.
    pub(super) fn token_hash(&self) -> Option<TokenHash> {
        self.pk.strip_prefix(TOKEN)?.parse().ok()
    }

    /// The token in a token listing's key.
    pub(super) fn listed_token_hash(&self) -> Option<TokenHash> {
        self.sk.strip_prefix(TOKEN)?.parse().ok()
    }

    /// The runtime in a listing's key.
    pub(super) fn listed_runtime_id(&self) -> Option<RuntimeId> {
        self.sk.strip_prefix(RUNTIME)?.parse().ok()
    }
}

impl From<Key> for Item {
    fn from(key: Key) -> Self {
        Self::from([("pk".to_owned(), string(key.pk)), ("sk".to_owned(), string(key.sk))])
    }
}

/// The runtime in the key of a runtime's item.
pub(super) fn runtime_id(item: &Item) -> Option<RuntimeId> {
    item.get("pk")?.as_s().ok()?.strip_prefix(RUNTIME)?.parse().ok()
}

/// Whether it is the item of a runtime, rather than another item of its partition.
pub(super) fn is_runtime(item: &Item) -> bool {
    item.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk == RUNTIME_SORT)
}

/// Whether it is the item of a snapshot.
pub(super) fn is_snapshot(item: &Item) -> bool {
    item.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk.starts_with(CATALOG))
}

/// The request in the key of a request's item.
pub(super) fn request_id(item: &Item) -> Option<RequestId> {
    item.get("sk")?.as_s().ok()?.strip_prefix(REQUEST)?.parse().ok()
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

/// The prefix of the sort keys of a workspace's runtimes.
pub(super) const LISTED_RUNTIMES: &str = RUNTIME;
/// The prefix of the sort keys of a workspace's tokens.
pub(super) const LISTED_TOKENS: &str = TOKEN;

/// The attributes of an item.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn millis(time: Timestamp) -> AttributeValue {
    number(time.millis())
}
