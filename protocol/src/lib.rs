//! The wire contract of Doorbell's HTTP API: ids, times, JSON types, limits and error texts.
//!
//! Existing clients and daemons already speak this contract, so field names, statuses and texts never change. Optional
//! fields are left out, never `null`: clients validate with strict schemas. Unknown fields of a request are ignored.

#![warn(missing_docs)]

mod ask;
mod daemon_heartbeat;
mod enrolment;
mod error;
mod heartbeat;
pub mod id;
mod idempotency_key;
mod json;
mod kind;
pub mod limits;
mod model;
mod push;
mod question;
mod raw_json;
mod request;
mod runtime;
mod scope;
mod skills;
mod text;
mod time;
mod token;

pub use ask::{AnyRequestRecord, AskBody, Report, ReportResponse};
pub use daemon_heartbeat::{
    DaemonHeartbeat, DaemonHeartbeatResponse, RuntimeHeartbeat, RuntimeHeartbeatResponse,
    RuntimeHeartbeatStatus, Work,
};
pub use enrolment::{EnrolmentBody, EnrolmentResponse, RedeemBody, RedeemResponse, WorkspaceRecord};
pub use error::{Ack, ErrorBody, error_text};
pub use heartbeat::{HeartbeatBody, HeartbeatResponse, InFlight, PendingRequest, TooManyInFlight};
pub use id::{InvalidId, RequestId, RuntimeId, WorkspaceId};
pub use idempotency_key::{IdempotencyKey, InvalidIdempotencyKey};
pub use json::Object;
pub use kind::{InvalidKind, Kind};
pub use model::{InvalidModel, Model, ModelEntry, ServiceTier, Thinking, ThinkingLevel};
pub use push::{DaemonPush, PUSH_TOPIC, PushMessage, PushSettings, ServerSettings};
pub use question::Question;
pub use raw_json::{Json, JsonTooDeep, escaped_len};
pub use request::{ModelListReport, ModelListResult, NoResult, RawReport, RequestRecord, Status};
pub use runtime::{
    DeregisterBody, RegisterBody, RegisterResponse, RegisterRuntime, RuntimeMetadata, RuntimeRecord,
    RuntimeStatus,
};
pub use scope::{Scope, UnknownScope};
pub use skills::{
    InvalidSkillEntry, LocalSkillsReport, LocalSkillsResult, McpServer, McpTransport, NoLocalSkills,
    RawLocalSkillsReport, SkillEntry, SkillRoot,
};
pub use text::{is_layout_control, one_line};
pub use time::Timestamp;
pub use token::{IssuedToken, TokenBody, TokenInfo};
