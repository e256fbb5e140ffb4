//! The heartbeat of one runtime and its response.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::id::RequestId;
use crate::limits::IN_FLIGHT_PER_HEARTBEAT;

/// Body of `POST /api/daemon/heartbeat`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatBody {
    /// Required; the server checks it.
    #[serde(default)]
    pub runtime_id: Option<String>,
    /// All claimed and unreported requests of the runtime. An unreadable list becomes `None`: an empty list would
    /// redeliver everything, and an error would fail the heartbeat.
    #[serde(default, deserialize_with = "in_flight_or_none", skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<InFlight>,
}

/// Parses in two steps: with `serde_with::DefaultOnError`, a syntax error inside the list would reject the whole body.
pub(crate) fn in_flight_or_none<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<InFlight>, D::Error> {
    let json = Option::<Box<RawValue>>::deserialize(deserializer)?;
    Ok(json.and_then(|json| serde_json::from_str(json.get()).ok()))
}

/// Requests in flight, at most [`IN_FLIGHT_PER_HEARTBEAT`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<RequestId>")]
pub struct InFlight(BTreeSet<RequestId>);

/// The list is longer than [`IN_FLIGHT_PER_HEARTBEAT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} requests in flight exceed the limit of {IN_FLIGHT_PER_HEARTBEAT}")]
pub struct TooManyInFlight(usize);

impl InFlight {
    /// The requests, in the order of their rings.
    pub fn iter(&self) -> impl Iterator<Item = RequestId> {
        self.0.iter().copied()
    }

    /// Whether the daemon is working on `request`.
    pub fn contains(&self, request: RequestId) -> bool {
        self.0.contains(&request)
    }
}

impl TryFrom<Vec<RequestId>> for InFlight {
    type Error = TooManyInFlight;
    fn try_from(requests: Vec<RequestId>) -> Result<Self, TooManyInFlight> {
        if requests.len() > IN_FLIGHT_PER_HEARTBEAT {
            return Err(TooManyInFlight(requests.len()));
        }
        Ok(Self(requests.into_iter().collect()))
    }
}

/// The response to the heartbeat of one runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatResponse {
    /// Always `ok`.
    pub status: String,
    /// What this heartbeat has claimed: at most one request of each built-in kind, by the kind's field.
    #[serde(flatten)]
    pub claimed: BTreeMap<String, PendingRequest>,
}

impl HeartbeatResponse {
    /// The response with `claimed`: fields and requests.
    pub fn new<'a>(claimed: impl IntoIterator<Item = (&'a str, RequestId)>) -> Self {
        let claimed = claimed.into_iter().map(|(field, id)| (field.to_owned(), PendingRequest { id }));
        Self { status: "ok".to_owned(), claimed: claimed.collect() }
    }
}

/// A claimed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRequest {
    /// The request's id.
    pub id: RequestId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_flight_is_bounded() {
        let in_flight = |count| InFlight::try_from(vec![RequestId::MIN; count]);
        assert!(in_flight(IN_FLIGHT_PER_HEARTBEAT).is_ok());
        let over = IN_FLIGHT_PER_HEARTBEAT + 1;
        assert_eq!(in_flight(over), Err(TooManyInFlight(over)));
    }

    #[test]
    fn unreadable_in_flight_reads_as_absent() {
        let nested = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        let unreadable =
            ["null", "5", r#""x""#, r#"["x"]"#, r#"{"a":1}"#, r#"["\ud800"]"#, "1e99999999999", &nested];
        for in_flight in unreadable {
            let body = format!(r#"{{"runtime_id":"r","in_flight":{in_flight}}}"#);
            let body: HeartbeatBody = serde_json::from_str(&body).unwrap();
            assert_eq!(body, HeartbeatBody { runtime_id: Some("r".to_owned()), in_flight: None });
        }
    }

    #[test]
    fn rejects_body_that_is_not_json() {
        assert!(serde_json::from_str::<HeartbeatBody>(r#"{"runtime_id":"r","in_flight":t,}"#).is_err());
    }

    #[test]
    fn empty_in_flight_is_a_list() {
        let body: HeartbeatBody = serde_json::from_str(r#"{"in_flight":[]}"#).unwrap();
        assert_eq!(body.in_flight, Some(InFlight::default()));
    }
}
