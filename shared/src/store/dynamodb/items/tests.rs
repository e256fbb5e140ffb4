//! Round trips, sizes and old items.

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::limits::{ARGS_BYTES, RESULT_BYTES, TEXT_CHARS};
use doorbell_protocol::{Json, RequestId, RuntimeId};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::limits::HISTORY_SUBJECT_BYTES;
use crate::request::{
    Address, Deadlines, ErrorText, Lease, LeaseToken, Payload, Request, State, TimeoutReason,
};
use crate::runtime::ShortText;
use crate::store::dynamodb::keys::Key;

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
    let daemon_ids = "\\PC{0,9}".prop_map(|text| ShortText::from_stored(&text));
    let parts =
        (states(), times(), times(), prop::option::of(times()), deadlines, json(), json(), daemon_ids);
    parts.prop_map(
        |(
            state,
            created_at,
            updated_at,
            notified_at,
            (pending, running, retention, queued),
            args,
            progress,
            daemon_id,
        )| {
            let (runtime, request) = ids();
            Request {
                address: Address { runtime, request },
                kind: "disk_usage".parse().unwrap(),
                workspace: "00000000-0000-4000-8000-00000000000a".parse().unwrap(),
                daemon_id,
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
    assert_eq!(read.daemon_id.as_str(), "", "a version without bound tokens stored none");
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
        daemon_id: ShortText::try_from("\u{10ffff}".repeat(TEXT_CHARS)).unwrap(),
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
