//! The stored attributes of runtimes, requests and listings, and their conversion to and from the domain's types.
//!
//! Attribute names are permanent. Times are epoch milliseconds, except for `expires_at`, which TTL reads in seconds. A corrupt
//! item is a store error, never a request that does not exist.

use doorbell_protocol::limits::RETENTION;
use doorbell_protocol::{Kind, RequestId, RuntimeId, Status, Timestamp, WorkspaceId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::corrupt;
use super::keys::Item;
use super::keys::Key;
use super::payload_attribute::PayloadAttribute;
use crate::limits::RUNTIME_RETENTION;
use crate::request::{Address, ErrorText, Lease, LeaseToken, Payload, Request, State, TimeoutReason};
use crate::runtime::{Runtime, RuntimeIdNamespace, ShortText};
use crate::store::outcome::Result;

pub(super) fn decode<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(|error| corrupt("unexpected shape").with_source(error))
}

pub(super) fn encode<T: Serialize>(item: T) -> Result<Item> {
    serde_dynamo::to_item(item).map_err(|error| corrupt("not encodable").with_source(error))
}

/// When TTL may delete a request that changed last at `updated_at`.
pub(super) fn request_expiry(updated_at: Timestamp) -> i64 {
    (updated_at + RETENTION).seconds_rounded_up()
}

/// When TTL may delete a runtime or a listing that was last renewed at `seen_at`.
pub(super) fn runtime_expiry(seen_at: Timestamp) -> i64 {
    (seen_at + RUNTIME_RETENTION).seconds_rounded_up()
}

pub(super) fn time(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millis(millis).ok_or_else(|| corrupt("a time is out of range"))
}

/// A request without its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RequestItem {
    kind: Kind,
    workspace_id: WorkspaceId,
    status: Status,
    created_at: i64,
    updated_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_token: Option<LeaseToken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(flatten)]
    payload: Option<PayloadAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    expires_at: i64,
}

impl From<&Request> for RequestItem {
    fn from(request: &Request) -> Self {
        let mut item = Self {
            kind: request.address.kind,
            workspace_id: request.workspace,
            status: request.state.status(),
            created_at: request.created_at.millis(),
            updated_at: request.updated_at.millis(),
            claimed_at: None,
            lease_token: None,
            attempt: None,
            payload: None,
            error: None,
            expires_at: request_expiry(request.updated_at),
        };
        match &request.state {
            State::Pending => {}
            State::Running(lease) => {
                item.claimed_at = Some(lease.claimed_at.millis());
                item.lease_token = Some(lease.token);
                item.attempt = Some(lease.attempt);
            }
            State::Completed(payload) => item.payload = Some(PayloadAttribute::from(payload)),
            State::Failed(error) => item.error = Some(error.as_str().to_owned()),
            State::Timeout(reason) => item.error = Some(reason.as_str().to_owned()),
        }
        item
    }
}

impl RequestItem {
    /// The request, with the ids of the key that was read.
    pub(super) fn request(self, runtime: RuntimeId, request: RequestId) -> Result<Request> {
        Ok(Request {
            address: Address { runtime, request, kind: self.kind },
            workspace: self.workspace_id,
            created_at: time(self.created_at)?,
            updated_at: time(self.updated_at)?,
            state: self.state()?,
        })
    }

    fn state(self) -> Result<State> {
        match self.status {
            Status::Pending => Ok(State::Pending),
            Status::Running => self.lease().map(State::Running),
            Status::Completed => {
                let payload = self.payload.ok_or_else(|| corrupt("a completed request without result"))?;
                Ok(State::Completed(Payload::try_from(payload)?))
            }
            Status::Failed => Ok(State::Failed(ErrorText::from(self.error.unwrap_or_default()))),
            Status::Timeout => {
                let reason = self.error.as_deref().and_then(TimeoutReason::from_text);
                reason.map(State::Timeout).ok_or_else(|| corrupt("unknown text of a timeout"))
            }
        }
    }

    fn lease(&self) -> Result<Lease> {
        let (Some(claimed_at), Some(token)) = (self.claimed_at, self.lease_token) else {
            return Err(corrupt("a running request without lease"));
        };
        Ok(Lease { claimed_at: time(claimed_at)?, token, attempt: self.attempt.unwrap_or(1) })
    }
}

/// A runtime without its key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct RuntimeItem {
    pub(super) workspace_id: WorkspaceId,
    daemon_id: String,
    provider: String,
    profile_id: Option<String>,
    name: String,
    device_name: Option<String>,
    version: Option<String>,
    cli_version: Option<String>,
    owner_id: Option<String>,
    registered_at: i64,
    last_seen_at: i64,
    deregistered_at: Option<i64>,
    /// Heartbeats read the queue until this time. Set by a ring, never cleared.
    pub(super) work_hint_until: Option<i64>,
    rate_limit_tat: Option<i64>,
    /// The id of the last accepted ring: the idempotency token of initiate.
    pub(super) last_ring_id: Option<RequestId>,
    /// When the listing expires. Heartbeats renew it.
    pub(super) listed_until: i64,
}

impl RuntimeItem {
    pub(super) fn rate_limit_tat(&self) -> Result<Option<Timestamp>> {
        self.rate_limit_tat.map(time).transpose()
    }

    /// The runtime, with the id of the key that was read.
    pub(super) fn runtime(self, id: RuntimeId) -> Result<Runtime> {
        let text = |text: String| ShortText::from_stored(&text);
        Ok(Runtime {
            id,
            workspace: self.workspace_id,
            daemon_id: text(self.daemon_id),
            provider: text(self.provider),
            profile_id: self.profile_id.map(text),
            name: text(self.name),
            device_name: self.device_name.map(text),
            version: self.version.map(text),
            cli_version: self.cli_version.map(text),
            owner_id: self.owner_id.map(text),
            registered_at: time(self.registered_at)?,
            last_seen_at: time(self.last_seen_at)?,
            deregistered_at: self.deregistered_at.map(time).transpose()?,
        })
    }
}

/// Lists a runtime in its workspace, so that one query finds all ids. Other attributes are read from the runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ListingItem {
    #[serde(flatten)]
    key: Key,
    expires_at: i64,
}

impl ListingItem {
    /// Expires as a runtime that was last seen at `now`.
    pub(super) fn new(runtime: &Runtime, now: Timestamp) -> Self {
        Self { key: Key::listing(runtime.workspace, runtime.id), expires_at: runtime_expiry(now) }
    }

    /// Whether it is within retention at `now`, in seconds. TTL deletes later.
    pub(super) fn is_unexpired(&self, now: i64) -> bool {
        self.expires_at > now
    }
}

/// The namespace of a workspace's runtime ids. It does not expire.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct WorkspaceItem {
    pub(super) runtime_id_namespace: Option<RuntimeIdNamespace>,
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn times() -> impl Strategy<Value = Timestamp> {
        (0i64..4_102_444_800_000).prop_map(|millis| Timestamp::from_millis(millis).unwrap())
    }

    fn payloads() -> impl Strategy<Value = Payload> {
        ("\\PC*", 1_usize..100).prop_map(|(json, times)| Payload::try_from(json.repeat(times)).unwrap())
    }

    fn states() -> impl Strategy<Value = State> {
        let lease = (times(), any::<u128>(), 1u32..9).prop_map(|(claimed_at, token, attempt)| {
            State::Running(Lease {
                claimed_at,
                token: LeaseToken::from_uuid(Uuid::from_u128(token)),
                attempt,
            })
        });
        prop_oneof![
            Just(State::Pending),
            lease,
            payloads().prop_map(State::Completed),
            "\\PC*".prop_map(|text| State::Failed(ErrorText::from(text))),
            Just(State::Timeout(TimeoutReason::NotClaimed)),
            Just(State::Timeout(TimeoutReason::NotReported)),
        ]
    }

    fn ids() -> (RuntimeId, RequestId) {
        (RuntimeId::from_uuid(Uuid::from_u128(1)), RequestId::from_uuid(Uuid::from_u128(1)))
    }

    proptest! {
        /// The reference server lost the start of the run in Redis, so its running timeout never fired.
        #[test]
        fn request_round_trips_through_item(state in states(), created in times(), updated in times()) {
            let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
            let (runtime, request) = ids();
            let address = Address { runtime, request, kind: Kind::MODEL_LIST };
            let request = Request { address, workspace, state, created_at: created, updated_at: updated };
            let item: RequestItem = decode(encode(RequestItem::from(&request)).unwrap()).unwrap();
            prop_assert_eq!(item.request(runtime, address.request).unwrap(), request);
        }
    }

    /// Attribute by attribute, because stored names are permanent.
    #[test]
    fn reads_result_stored_as_text() {
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
            number("claimed_at", "1795318868000"),
            text("lease_token", "0000000000004000800000000000000c"),
            number("attempt", "1"),
            text("result", &json.repeat(100)),
            number("expires_at", "1795318990"),
        ]);
        let (runtime, request) = ids();
        let read = decode::<RequestItem>(item).unwrap().request(runtime, request).unwrap();
        assert_eq!(read.state, State::Completed(Payload::try_from(json.repeat(100)).unwrap()));
        assert_eq!(read.updated_at.millis(), 1_795_318_869_456);
    }

    #[test]
    fn item_of_unexpected_shape_is_an_error() {
        let item = Item::from([("pk".to_owned(), AttributeValue::S("runtime#x".to_owned()))]);
        assert!(decode::<RequestItem>(item).is_err());
    }
}
