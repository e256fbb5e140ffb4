//! The stored attributes of runtimes, requests and listings, and their conversion to and from the domain's types.
//!
//! Attribute names are permanent. Times are epoch milliseconds, except for `expires_at`, which TTL reads in seconds. A corrupt
//! item is a store error, never a request that does not exist.

mod listing;
mod request;
mod runtime;
#[cfg(test)]
mod tests;

use doorbell_protocol::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) use self::listing::{ListingItem, QuestionsItem, WorkspaceItem};
pub(super) use self::request::RequestItem;
pub(super) use self::runtime::RuntimeItem;
use super::error::corrupt;
use super::keys::Item;
use crate::limits::RUNTIME_RETENTION;
use crate::store::outcome::Result;

pub(super) fn decode<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(|error| corrupt("unexpected shape").with_source(error))
}

pub(super) fn encode<T: Serialize>(item: T) -> Result<Item> {
    serde_dynamo::to_item(item).map_err(|error| corrupt("not encodable").with_source(error))
}

/// When TTL may delete a runtime or a listing that was last renewed at `seen_at`.
pub(super) fn runtime_expiry(seen_at: Timestamp) -> i64 {
    (seen_at + RUNTIME_RETENTION).seconds_rounded_up()
}

pub(super) fn time(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millis(millis).ok_or_else(|| corrupt("a time is out of range"))
}
