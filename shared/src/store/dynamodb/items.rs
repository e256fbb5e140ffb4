//! The stored attributes of runtimes, requests and listings, and their conversion to and from the domain's types.
//!
//! Attribute names are permanent. Times are epoch milliseconds, except for `expires_at`, which TTL reads in seconds. A corrupt
//! item is a store error, never a request that does not exist.

use std::time::Duration;

use doorbell_protocol::limits::OPEN_REQUESTS_PER_RUNTIME;
use doorbell_protocol::{Json, Kind, RequestId, RuntimeId, Status, Timestamp, WorkspaceId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::corrupt;
use super::keys::Item;
use super::keys::Key;
use super::payload_attribute::PayloadAttribute;
use crate::limits::RUNTIME_RETENTION;
use crate::presence::Presence;
use crate::questions::Questions;
use crate::request::{
    Address, Deadlines, ErrorText, Lease, LeaseToken, OpenRequest, Payload, Request, State, TimeoutReason,
};
use crate::runtime::{Runtime, RuntimeIdNamespace, ShortText};
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

/// A request without its key.
///
/// The deadlines are stored as the last times of a claim and of a report, so that a condition compares them with the time of its
/// write. `running_ms` becomes `report_by` at the first claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RequestItem {
    kind: Kind,
    workspace_id: WorkspaceId,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notified_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    claim_by: i64,
    running_ms: u64,
    retention_s: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    queued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leased_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_by: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease_token: Option<LeaseToken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(flatten)]
    payload: Option<PayloadAttribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cancelled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_reason: Option<TimeoutReason>,
    expires_at: i64,
}

impl From<&Request> for RequestItem {
    fn from(request: &Request) -> Self {
        let Deadlines { running, retention, queued, pending: _ } = request.deadlines;
        let text = |json: &Option<Json>| json.as_ref().map(|json| json.as_str().to_owned());
        let mut item = Self {
            kind: request.kind,
            workspace_id: request.workspace,
            status: request.state.status(),
            args: text(&request.args),
            progress: text(&request.progress),
            notified_at: request.notified_at.map(Timestamp::millis),
            created_at: request.created_at.millis(),
            updated_at: request.updated_at.millis(),
            claim_by: request.claim_by().millis(),
            running_ms: u64::try_from(running.as_millis()).unwrap_or(u64::MAX),
            retention_s: retention.as_secs(),
            queued,
            claimed_at: None,
            leased_at: None,
            report_by: None,
            lease_token: None,
            attempt: None,
            payload: None,
            error: None,
            cancelled: false,
            timeout_reason: None,
            expires_at: request.readable_until().seconds_rounded_up(),
        };
        match &request.state {
            State::Pending => {}
            State::Running(lease) => {
                item.claimed_at = Some(lease.claimed_at.millis());
                item.leased_at = Some(lease.leased_at.millis());
                item.report_by = Some(request.report_by(*lease).millis());
                item.lease_token = Some(lease.token);
                item.attempt = Some(lease.attempt);
            }
            State::Completed(payload) => item.payload = Some(PayloadAttribute::from(payload)),
            State::Failed(error) => item.error = Some(error.as_str().to_owned()),
            State::Cancelled => item.cancelled = true,
            State::Timeout(reason) => item.timeout_reason = Some(*reason),
        }
        item
    }
}

impl RequestItem {
    /// The request, with the ids of the key that was read.
    pub(super) fn request(self, runtime: RuntimeId, request: RequestId) -> Result<Request> {
        let created_at = time(self.created_at)?;
        let json = |text: &Option<String>| {
            let json = text.as_deref().map(str::parse::<Json>).transpose();
            json.map_err(|error| corrupt("stored JSON").with_source(error))
        };
        Ok(Request {
            address: Address { runtime, request },
            kind: self.kind,
            workspace: self.workspace_id,
            args: json(&self.args)?,
            progress: json(&self.progress)?,
            notified_at: self.notified_at.map(time).transpose()?,
            created_at,
            updated_at: time(self.updated_at)?,
            deadlines: Deadlines {
                pending: time(self.claim_by)?.since(created_at),
                running: Duration::from_millis(self.running_ms),
                retention: Duration::from_secs(self.retention_s),
                queued: self.queued,
            },
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
            Status::Failed if self.cancelled => Ok(State::Cancelled),
            Status::Failed => Ok(State::Failed(ErrorText::from(self.error.unwrap_or_default()))),
            Status::Timeout => {
                let reason = self.timeout_reason.ok_or_else(|| corrupt("a timeout without reason"))?;
                Ok(State::Timeout(reason))
            }
        }
    }

    fn lease(&self) -> Result<Lease> {
        let (Some(claimed_at), Some(leased_at)) = (self.claimed_at, self.leased_at) else {
            return Err(corrupt("a running request without claim"));
        };
        let token = self.lease_token.ok_or_else(|| corrupt("a running request without lease"))?;
        let attempt = self.attempt.unwrap_or(1);
        Ok(Lease { claimed_at: time(claimed_at)?, leased_at: time(leased_at)?, token, attempt })
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
    #[serde(default)]
    online_until: i64,
    /// With a push lease.
    push_client_id: Option<String>,
    /// Entries of [`OpenRequest`]. A set without elements is no attribute.
    #[serde(default)]
    open: Vec<String>,
    rate_limit_tat: Option<i64>,
    /// Whether the runtime has an item of questions.
    #[serde(default)]
    pub(super) has_questions: bool,
    /// When listing and questions expire. Heartbeats renew them.
    pub(super) listed_until: i64,
}

impl RuntimeItem {
    pub(super) fn rate_limit_tat(&self) -> Result<Option<Timestamp>> {
        self.rate_limit_tat.map(time).transpose()
    }

    /// The open set, the oldest ring first, without its unreadable entries.
    pub(super) fn open(&self) -> Vec<OpenRequest> {
        let mut open: Vec<OpenRequest> = self.open.iter().filter_map(|entry| entry.parse().ok()).collect();
        open.sort_unstable();
        open
    }

    /// Entries of the open set that do not parse: damaged, or written by another version. They take up room, and a full open set
    /// loses them. Until then they stay, because the version that wrote them may still answer their requests.
    pub(super) fn unreadable_open(&self) -> Vec<String> {
        self.open.iter().filter(|entry| entry.parse::<OpenRequest>().is_err()).cloned().collect()
    }

    pub(super) fn presence(&self) -> Result<Presence> {
        let client = self.push_client_id.as_deref().map(str::parse).transpose();
        let client = client.map_err(|error| corrupt("a client id").with_source(error))?;
        Ok(Presence { online_until: time(self.online_until)?, client })
    }

    /// Whether the open set has no room.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= OPEN_REQUESTS_PER_RUNTIME
    }

    /// The runtime without its questions, with the id of the key that was read.
    pub(super) fn runtime(self, id: RuntimeId) -> Result<Runtime> {
        let text = |text: String| ShortText::from_stored(&text);
        let presence = self.presence()?;
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
            presence,
            questions: Questions::default(),
        })
    }
}

/// The questions of a runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct QuestionsItem {
    #[serde(flatten)]
    key: Key,
    workspace_id: WorkspaceId,
    /// JSON text: schemas are stored as they were declared.
    questions: String,
    expires_at: i64,
}

impl QuestionsItem {
    /// Expires as a runtime that was last seen at `now`.
    pub(super) fn new(runtime: &Runtime, now: Timestamp) -> Result<Self> {
        let questions = serde_json::to_string(&runtime.questions)
            .map_err(|error| corrupt("questions are not encodable").with_source(error))?;
        Ok(Self {
            key: Key::questions(runtime.id),
            workspace_id: runtime.workspace,
            questions,
            expires_at: runtime_expiry(now),
        })
    }

    pub(super) fn questions(&self) -> Result<Questions> {
        serde_json::from_str(&self.questions).map_err(|error| corrupt("stored questions").with_source(error))
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
    use doorbell_protocol::limits::{ARGS_BYTES, RESULT_BYTES};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::limits::HISTORY_SUBJECT_BYTES;

    fn times() -> impl Strategy<Value = Timestamp> {
        (0i64..4_102_444_800_000).prop_map(|millis| Timestamp::from_millis(millis).unwrap())
    }

    fn payloads() -> impl Strategy<Value = Payload> {
        ("\\PC*", 1_usize..100).prop_map(|(json, times)| Payload::try_from(json.repeat(times)).unwrap())
    }

    fn states() -> impl Strategy<Value = State> {
        let lease =
            (times(), times(), any::<u128>(), 1u32..9).prop_map(|(claimed_at, leased_at, token, attempt)| {
                let token = LeaseToken::from_uuid(Uuid::from_u128(token));
                State::Running(Lease { claimed_at, leased_at, token, attempt })
            });
        prop_oneof![
            Just(State::Pending),
            lease,
            payloads().prop_map(State::Completed),
            "\\PC*".prop_map(|text| State::Failed(ErrorText::from(text))),
            Just(State::Cancelled),
            Just(State::Timeout(TimeoutReason::NotClaimed)),
            Just(State::Timeout(TimeoutReason::NotReported)),
        ]
    }

    fn requests() -> impl Strategy<Value = Request> {
        let deadlines = (0u64..700_000, 0u64..1_000, 0u64..4_000, any::<bool>());
        let json = || {
            prop::option::of(
                "[a-z]{0,9}".prop_map(|text| format!("{{\"a\":\"{text}\"}}").parse::<Json>().unwrap()),
            )
        };
        let parts = (states(), times(), times(), prop::option::of(times()), deadlines, json(), json());
        parts.prop_map(
            |(
                state,
                created_at,
                updated_at,
                notified_at,
                (pending, running, retention, queued),
                args,
                progress,
            )| {
                let (runtime, request) = ids();
                Request {
                    address: Address { runtime, request },
                    kind: "disk_usage".parse().unwrap(),
                    workspace: "00000000-0000-4000-8000-00000000000a".parse().unwrap(),
                    args,
                    deadlines: Deadlines { queued, ..Deadlines::of_seconds(pending, running, retention) },
                    state,
                    progress,
                    notified_at,
                    created_at,
                    updated_at,
                }
            },
        )
    }

    fn ids() -> (RuntimeId, RequestId) {
        (RuntimeId::from_uuid(Uuid::from_u128(1)), RequestId::from_uuid(Uuid::from_u128(1)))
    }

    proptest! {
        /// The reference server lost the start of the lease in Redis, so its running timeout never fired.
        #[test]
        fn request_round_trips_through_item(request in requests()) {
            let Address { runtime, request: id } = request.address;
            let item: RequestItem = decode(encode(RequestItem::from(&request)).unwrap()).unwrap();
            prop_assert_eq!(item.request(runtime, id).unwrap(), request);
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
            number("claim_by", "1795318897123"),
            number("running_ms", "60000"),
            number("retention_s", "120"),
            number("claimed_at", "1795318868000"),
            number("leased_at", "1795318868500"),
            number("report_by", "1795318928000"),
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

    /// `RESULT_BYTES` leaves room for the largest args and for everything else that an item may have.
    #[test]
    fn largest_request_fits_item() {
        let (runtime, id) = ids();
        let time = Timestamp::from_millis(9_999_999_999_999).unwrap();
        let lease = Lease {
            claimed_at: time,
            leased_at: time,
            token: LeaseToken::from_uuid(Uuid::max()),
            attempt: u32::MAX,
        };
        let request = Request {
            address: Address { runtime, request: id },
            kind: "k".repeat(64).parse().unwrap(),
            workspace: "00000000-0000-4000-8000-00000000000a".parse().unwrap(),
            args: Some(format!("\"{}\"", "x".repeat(ARGS_BYTES - 2)).parse().unwrap()),
            deadlines: Deadlines { queued: true, ..Deadlines::of_seconds(604_800, 900, 3_600) },
            state: State::Running(lease),
            progress: None,
            notified_at: Some(time),
            created_at: time,
            updated_at: time,
        };
        let mut item = Item::from(Key::request(runtime, id));
        item.extend(encode(RequestItem::from(&request)).unwrap());
        let mut bytes: usize = item.iter().map(|(name, value)| name.len() + attribute_bytes(value)).sum();
        // The history: 12 deliveries of `at` and `by`, and three subjects.
        bytes += "leases".len() + 3 + 12 * (1 + 3 + 2 * 2 + 8 + HISTORY_SUBJECT_BYTES);
        bytes += "asked_by".len() + "reported_by".len() + "cancelled_by".len() + 3 * HISTORY_SUBJECT_BYTES;
        bytes += "result_zlib".len() + RESULT_BYTES;
        assert!(bytes <= 400 * 1024, "{bytes}");
    }

    /// AWS, "DynamoDB item sizes and formats".
    fn attribute_bytes(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
            AttributeValue::Bool(_) => 1,
            other => panic!("{other:?}"),
        }
    }

    /// A version without presence stored `deregistered_at`. The next heartbeat brings the runtime online.
    #[test]
    fn runtime_stored_without_presence_is_offline() {
        let text = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
        let number = |name: &str, value: &str| (name.to_owned(), AttributeValue::N(value.to_owned()));
        let item = Item::from([
            text("workspace_id", "00000000-0000-4000-8000-00000000000a"),
            text("daemon_id", "daemon"),
            text("provider", "codex"),
            text("name", "Agent"),
            number("registered_at", "1795318867123"),
            number("last_seen_at", "1795318869456"),
            number("deregistered_at", "1795318869456"),
            number("listed_until", "1795923669456"),
            number("expires_at", "1795923670"),
        ]);
        let runtime = decode::<RuntimeItem>(item).unwrap().runtime(ids().0).unwrap();
        assert_eq!(runtime.last_seen_at.millis(), 1_795_318_869_456);
        assert!(!runtime.is_online(runtime.last_seen_at));
        assert_eq!(runtime.push_lease(runtime.last_seen_at), None);
    }

    #[test]
    fn item_of_unexpected_shape_is_an_error() {
        let item = Item::from([("pk".to_owned(), AttributeValue::S("runtime#x".to_owned()))]);
        assert!(decode::<RequestItem>(item).is_err());
    }
}
