//! Every key shape of the table. They are permanent: stored items outlive the code that wrote them.
//!
//! | item | pk | sk |
//! |---|---|---|
//! | runtime | `runtime#<uuid>` | `runtime` |
//! | request | `runtime#<uuid>` | `request#<uuidv7, 32 hex digits>` |
//! | listing | `workspace#<uuid>` | `runtime#<uuid>` |
//!
//! All of a runtime is one partition, so every read can be consistent and load spreads by runtime. The request's sort
//! key is its UUIDv7, so key order is queue order, and what may still be open is a range that starts at a time: a look
//! for work costs the same however many answered requests wait for TTL behind it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::id::{RequestId, RuntimeId, WorkspaceId};
use crate::request::Address;

const RUNTIME: &str = "runtime#";
const WORKSPACE: &str = "workspace#";
const REQUEST: &str = "request#";
const RUNTIME_SORT: &str = "runtime";

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

/// Above every request's sort key: `~` follows the hex digits in UTF-8.
pub(super) fn last_request_sort() -> String {
    format!("{REQUEST}~")
}
