//! The heartbeat of a whole daemon and its response.

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

use crate::heartbeat::{InFlight, in_flight_or_none};
use crate::id::{RequestId, RuntimeId};
use crate::json;
use crate::kind::Kind;
use crate::push::DaemonPush;
use crate::raw_json::Json;
use crate::time::Timestamp;

/// Body of `POST /api/daemon/heartbeat` for all runtimes of a daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonHeartbeat {
    /// 1 to [`RUNTIMES_PER_HEARTBEAT`](crate::limits::RUNTIMES_PER_HEARTBEAT). Required; the server checks it.
    #[serde(default, deserialize_with = "json::list")]
    pub runtimes: Option<Vec<RuntimeHeartbeat>>,
    /// Only of daemons that use the push channel. A value of another shape is read as absent.
    #[serde(default, deserialize_with = "json::or_none", skip_serializing_if = "Option::is_none")]
    pub push: Option<DaemonPush>,
}

/// One runtime in the heartbeat of its daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeHeartbeat {
    /// The runtime's id. Required; the server checks it.
    #[serde(default)]
    pub id: String,
    /// All claimed and unreported requests of the runtime. An unreadable list becomes `None`, and nothing is redelivered.
    #[serde(default, deserialize_with = "in_flight_or_none", skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<InFlight>,
}

/// The response to a [`DaemonHeartbeat`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonHeartbeatResponse {
    /// Always `ok`.
    pub status: String,
    /// When the next heartbeat is expected, in seconds.
    pub next_heartbeat_s: u32,
    /// The runtimes, in the order of the heartbeat.
    pub runtimes: Vec<RuntimeHeartbeatResponse>,
}

/// One runtime in the response to the heartbeat of its daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeHeartbeatResponse {
    /// As in the heartbeat.
    pub id: RuntimeId,
    /// The outcome of the runtime's heartbeat.
    pub status: RuntimeHeartbeatStatus,
    /// At most [`CLAIMS_PER_RUNTIME`](crate::limits::CLAIMS_PER_RUNTIME) claimed requests, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub work: Vec<Work>,
    /// The requests in flight that were cancelled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancelled: Vec<RequestId>,
}

/// The outcome of one runtime's heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum RuntimeHeartbeatStatus {
    /// Recorded.
    Ok,
    /// Not registered. The daemon registers it again.
    Unknown,
    /// Another workspace's or another daemon's.
    Foreign,
    /// The server failed. The next heartbeat tries again.
    Failed,
}

/// A claimed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The request's id.
    pub id: RequestId,
    /// What was asked.
    pub kind: Kind,
    /// The arguments, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Json>,
    /// The number of deliveries of the request: 1 for the first.
    pub attempt: u32,
    /// When the request times out, by the server's clock.
    pub deadline: Timestamp,
}

impl RuntimeHeartbeat {
    /// The heartbeat of `runtime`.
    pub fn new(runtime: RuntimeId, in_flight: Option<InFlight>) -> Self {
        Self { id: runtime.to_string(), in_flight }
    }
}
