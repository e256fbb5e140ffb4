//! The stored shapes of runtimes, requests and listings, and their conversion from and to the domain's.
//!
//! Attribute names are permanent. Times are epoch milliseconds, but for `expires_at`, which is TTL's and in seconds.
//! An item that cannot be read is an error of the store, never a request that does not exist.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::corrupt;
use super::keys::Key;
use super::stored_result::StoredResult;
use crate::id::{ClaimId, RequestId, WorkspaceId};
use crate::limits::{RETENTION, RUNTIME_RETENTION};
use crate::request::{Address, ErrorText, Kind, Lapse, Request, ResultBody, Run, State, Status};
use crate::runtime::{Runtime, Text};
use crate::store::{Result, StoreError};
use crate::time::Timestamp;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn read<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(|_| corrupt("an item has another shape"))
}

pub(super) fn write<T: Serialize>(item: T) -> Result<Item> {
    serde_dynamo::to_item(item).map_err(|_| corrupt("an item cannot be written"))
}

/// The request that an item holds.
pub(super) fn request(item: Item) -> Result<Request> {
    Request::try_from(read::<RequestItem>(item)?)
}

/// When TTL may delete a request last changed at `updated_at`.
pub(super) fn request_expiry(updated_at: Timestamp) -> i64 {
    (updated_at + RETENTION).seconds_rounded_up()
}

/// When TTL may delete a runtime or a listing last confirmed at `seen_at`.
pub(super) fn runtime_expiry(seen_at: Timestamp) -> i64 {
    (seen_at + RUNTIME_RETENTION).seconds_rounded_up()
}

fn time(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millis(millis).ok_or_else(|| corrupt("a time is out of range"))
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RequestItem {
    #[serde(flatten)]
    pub(super) key: Key,
    kind: Kind,
    workspace_id: WorkspaceId,
    status: Status,
    created_at: i64,
    updated_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_started_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim_id: Option<ClaimId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(flatten)]
    result: Option<StoredResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    expires_at: i64,
}

impl From<&Request> for RequestItem {
    fn from(request: &Request) -> Self {
        let mut item = Self {
            key: Key::request(request.address),
            kind: request.address.kind,
            workspace_id: request.workspace,
            status: request.state.status(),
            created_at: request.created_at.millis(),
            updated_at: request.updated_at.millis(),
            run_started_at: None,
            claim_id: None,
            attempt: None,
            result: None,
            error: None,
            expires_at: request_expiry(request.updated_at),
        };
        match &request.state {
            State::Pending => {}
            State::Running(run) => {
                item.run_started_at = Some(run.started_at.millis());
                item.claim_id = Some(run.claim);
                item.attempt = Some(run.attempt);
            }
            State::Completed(result) => item.result = Some(StoredResult::from(result)),
            State::Failed(error) => item.error = Some(error.as_str().to_owned()),
            State::Timeout(lapse) => item.error = Some(lapse.as_str().to_owned()),
        }
        item
    }
}

impl TryFrom<RequestItem> for Request {
    type Error = StoreError;
    fn try_from(item: RequestItem) -> Result<Self> {
        let runtime = item.key.runtime_id().ok_or_else(|| corrupt("a request's pk"))?;
        let request = item.key.request_id().ok_or_else(|| corrupt("a request's sk"))?;
        Ok(Self {
            address: Address { runtime, request, kind: item.kind },
            workspace: item.workspace_id,
            created_at: time(item.created_at)?,
            updated_at: time(item.updated_at)?,
            state: item.state()?,
        })
    }
}

impl RequestItem {
    fn state(self) -> Result<State> {
        match self.status {
            Status::Pending => Ok(State::Pending),
            Status::Running => self.run().map(State::Running),
            Status::Completed => {
                let result = self.result.ok_or_else(|| corrupt("a completed request's result"))?;
                Ok(State::Completed(ResultBody::try_from(result)?))
            }
            Status::Failed => Ok(State::Failed(ErrorText::from(self.error.unwrap_or_default()))),
            Status::Timeout => {
                let lapse = self.error.as_deref().and_then(Lapse::from_text);
                lapse.map(State::Timeout).ok_or_else(|| corrupt("a time-out's text"))
            }
        }
    }

    fn run(&self) -> Result<Run> {
        let (Some(started_at), Some(claim)) = (self.run_started_at, self.claim_id) else {
            return Err(corrupt("a running request's claim"));
        };
        Ok(Run { started_at: time(started_at)?, claim, attempt: self.attempt.unwrap_or(1) })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RuntimeItem {
    #[serde(flatten)]
    pub(super) key: Key,
    pub(super) workspace_id: WorkspaceId,
    daemon_id: String,
    provider: String,
    name: String,
    registered_at: i64,
    last_seen_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    deregistered_at: Option<i64>,
    /// Until when heartbeats look for work: set by a ring, runs out by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attention_until: Option<i64>,
    /// When the next ring is due, if all so far had kept the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    ring_due_at: Option<i64>,
    /// The last ring that was let in: the mark by which a ring that is tried again knows itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rung_by: Option<RequestId>,
    /// Until when the listing is safe from TTL; heartbeats renew it.
    pub(super) listed_until: i64,
    expires_at: i64,
}

impl RuntimeItem {
    /// When the next ring is due.
    pub(super) fn ring_due_at(&self) -> Result<Option<Timestamp>> {
        self.ring_due_at.map(time).transpose()
    }
}

impl TryFrom<RuntimeItem> for Runtime {
    type Error = StoreError;
    fn try_from(item: RuntimeItem) -> Result<Self> {
        let text = |text: String| Text::try_from(text).map_err(|_| corrupt("a runtime's text"));
        Ok(Self {
            id: item.key.runtime_id().ok_or_else(|| corrupt("a runtime's pk"))?,
            workspace: item.workspace_id,
            daemon_id: text(item.daemon_id)?,
            provider: text(item.provider)?,
            name: text(item.name)?,
            registered_at: time(item.registered_at)?,
            last_seen_at: time(item.last_seen_at)?,
            deregistered_at: item.deregistered_at.map(time).transpose()?,
        })
    }
}

/// What makes all runtimes of a workspace one query. Says no more than which: the rest is read from the runtimes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ListingItem {
    #[serde(flatten)]
    pub(super) key: Key,
    pub(super) expires_at: i64,
}

impl ListingItem {
    /// The listing of `runtime`, safe from TTL for as long as a runtime seen at `now` is known.
    pub(super) fn new(runtime: &Runtime, now: Timestamp) -> Self {
        Self { key: Key::listing(runtime.workspace, runtime.id), expires_at: runtime_expiry(now) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::id::RuntimeId;

    fn times() -> impl Strategy<Value = Timestamp> {
        (0i64..4_102_444_800_000).prop_map(|millis| Timestamp::from_millis(millis).unwrap())
    }

    fn results() -> impl Strategy<Value = ResultBody> {
        ("\\PC*", 1_usize..100).prop_map(|(json, times)| ResultBody::try_from(json.repeat(times)).unwrap())
    }

    fn states() -> impl Strategy<Value = State> {
        let run = (times(), any::<u128>(), 1u32..9).prop_map(|(started_at, claim, attempt)| {
            State::Running(Run { started_at, claim: ClaimId::from_uuid(Uuid::from_u128(claim)), attempt })
        });
        prop_oneof![
            Just(State::Pending),
            run,
            results().prop_map(State::Completed),
            "\\PC*".prop_map(|text| State::Failed(ErrorText::from(text))),
            Just(State::Timeout(Lapse::Unclaimed)),
            Just(State::Timeout(Lapse::Unfinished)),
        ]
    }

    proptest! {
        /// The original dropped the start of the run on its way to Redis, and the running time-out never fired.
        #[test]
        fn a_request_survives_storage(state in states(), created in times(), updated in times(), id: u128) {
            let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
            let runtime = RuntimeId::derive(workspace, "d", "t", "");
            let request = RequestId::from_uuid(Uuid::from_u128(id));
            let address = Address { runtime, request, kind: Kind::ModelList };
            let request = Request { address, workspace, state, created_at: created, updated_at: updated };
            let item = write(RequestItem::from(&request)).unwrap();
            let stored: RequestItem = read(item).unwrap();
            prop_assert_eq!(Request::try_from(stored).unwrap(), request);
        }
    }

    /// As it was stored before results were compressed, attribute by attribute.
    #[test]
    fn a_result_stored_as_text_is_read_for_ever() {
        let json = r#"{"models":[{"id":"a","label":"A"}],"supported":true,"fallback":false}"#;
        let text = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
        let number = |name: &str, value: &str| (name.to_owned(), AttributeValue::N(value.to_owned()));
        let item = Item::from([
            text("pk", "runtime#00000000-0000-5000-8000-00000000000b"),
            text("sk", "request#019a0000000070008000000000000001"),
            text("kind", "model_list"),
            text("workspace_id", "00000000-0000-4000-8000-00000000000a"),
            text("status", "completed"),
            number("created_at", "1795318867123"),
            number("updated_at", "1795318869456"),
            number("run_started_at", "1795318868000"),
            text("claim_id", "0000000000004000800000000000000c"),
            number("attempt", "1"),
            text("result", &json.repeat(100)),
            number("expires_at", "1795318990"),
        ]);
        let read = request(item).unwrap();
        assert_eq!(read.state, State::Completed(ResultBody::try_from(json.repeat(100)).unwrap()));
        assert_eq!(read.updated_at.millis(), 1_795_318_869_456);
    }

    #[test]
    fn an_item_of_another_shape_is_an_error_and_not_an_absence() {
        let item = Item::from([("pk".to_owned(), AttributeValue::S("runtime#x".to_owned()))]);
        assert!(read::<RequestItem>(item).is_err());
    }
}
