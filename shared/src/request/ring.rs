//! A ring: what a client asks of a runtime.

use std::collections::BTreeMap;

use doorbell_protocol::{IdempotencyKey, Json, Kind};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Address, Deadlines, Request, State};

/// A request that does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The address of the request, if a new one is created.
    pub address: Address,
    pub kind: Kind,
    pub args: Option<Json>,
    pub deadlines: Deadlines,
    /// A ring with the key of an earlier one is answered with the earlier request.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Whether a pending request of this kind without args answers the ring.
    pub joins: bool,
}

impl Ring {
    /// An ordinary ring.
    pub fn new(address: Address, kind: Kind, deadlines: Deadlines) -> Self {
        Self { address, kind, args: None, deadlines, idempotency_key: None, joins: false }
    }

    /// Whether the ring is answered with `request`, an open request of the same runtime: it joins, neither has args, and `request` is
    /// pending and waits at least as long.
    pub fn may_join(&self, request: &Request) -> bool {
        self.is_alike(request) && request.state == State::Pending
    }

    /// As [`may_join`](Self::may_join), for a request that was put after the ring had begun: a fast daemon may have claimed it since, or
    /// have reported on it, and has begun its work after the ring.
    pub fn may_join_later(&self, request: &Request) -> bool {
        self.is_alike(request) && !matches!(request.state, State::Cancelled | State::Timeout(_))
    }

    fn is_alike(&self, request: &Request) -> bool {
        self.joins
            && self.args.is_none()
            && request.kind == self.kind
            && request.args.is_none()
            && request.deadlines.pending >= self.deadlines.pending
    }

    /// What must be the same in all rings with one idempotency key.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(self.kind.as_str());
        if let Some(args) = &self.args {
            hash.update("#");
            // Parsed and written again, so that a client may serialize the same args in another order.
            let canonical = args.parse::<Value>().map(|value| sorted(value).to_string());
            hash.update(canonical.as_deref().unwrap_or(args.as_str()));
        }
        Fingerprint(hex::encode(hash.finalize()))
    }
}

/// The value with the members of all objects in order. A `serde_json` map has them in order only without the feature `preserve_order`,
/// which any dependency of a binary may enable. The nesting of args is bounded.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(members) => {
            let members: BTreeMap<String, Value> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        other => other,
    }
}

/// SHA-256 of a ring's kind and args, in hex.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

#[cfg(test)]
mod tests {
    use doorbell_protocol::{RequestId, RuntimeId, Timestamp, WorkspaceId};
    use uuid::Uuid;

    use super::*;
    use crate::runtime::ShortText;

    fn ring(kind: &str, args: Option<&str>) -> Ring {
        let address = Address { runtime: RuntimeId::from_uuid(Uuid::from_u128(1)), request: RequestId::MIN };
        let args = args.map(|args| args.parse().unwrap());
        Ring { args, ..Ring::new(address, kind.parse().unwrap(), Deadlines::of_seconds(30, 60, 120)) }
    }

    #[test]
    fn fingerprint_depends_on_kind_and_args() {
        let asked = ring("a", Some(r#"{"b":1,"c":[{"d":2,"e":3}]}"#)).fingerprint();
        assert_eq!(asked, ring("a", Some(r#"{ "c": [{"e":3, "d":2}], "b": 1 }"#)).fingerprint());
        let other_order = ring("a", Some(r#"{"b":1,"c":[{"e":2,"d":3}]}"#));
        for other in [
            ring("b", Some(r#"{"b":1,"c":[{"d":2,"e":3}]}"#)),
            other_order,
            ring("a", Some(r#"{"b":1}"#)),
            ring("a", None),
        ] {
            assert_ne!(asked, other.fingerprint());
        }
    }

    #[test]
    fn joins_alike_request_that_waits_as_long() {
        let joining = Ring { joins: true, ..ring("a", None) };
        let request = |ring: Ring| {
            let workspace: WorkspaceId = "22222222-2222-4222-8222-222222222222".parse().unwrap();
            let daemon = ShortText::try_from("daemon".to_owned()).unwrap();
            Request::new(ring, workspace, daemon, Timestamp::from_millis(0).unwrap())
        };
        let pending = request(ring("a", None));
        let longer = Ring { deadlines: Deadlines::of_seconds(31, 60, 120), ..ring("a", None) };
        for joinable in [&pending, &request(longer)] {
            assert!(joining.may_join(joinable) && joining.may_join_later(joinable), "{joinable:?}");
        }
        let shorter = Ring { deadlines: Deadlines::of_seconds(29, 60, 120), ..ring("a", None) };
        for other in [ring("b", None), ring("a", Some("{}")), shorter] {
            let other = request(other);
            assert!(!joining.may_join(&other) && !joining.may_join_later(&other), "{other:?}");
        }
        for not_joining in [ring("a", None), Ring { joins: true, ..ring("a", Some("{}")) }] {
            assert!(!not_joining.may_join(&pending) && !not_joining.may_join_later(&pending));
        }
    }
}
