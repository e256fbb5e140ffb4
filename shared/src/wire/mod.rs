//! The JSON that crosses HTTP, for both sides: functions render it, daemons and clients read it.
//!
//! Existing clients and daemons speak it already, so nothing here is ours to tidy. Optional fields are left out, never
//! `null`: clients validate with strict schemas. Unknown fields of a request are ignored.

mod daemon;
mod model;
mod model_list;
mod object;
mod record;

pub use daemon::{
    Ack, DeregisterBody, HeartbeatAnswer, HeartbeatBody, InFlightBody, PendingRequest, RegisterAnswer,
    RegisterBody, RegisterRuntime, RuntimeRecord, RuntimeStatus,
};
pub use model::{InvalidModel, Model, ModelEntry, ServiceTier, Thinking, ThinkingLevel};
pub use model_list::{ModelListReport, ModelListResult, ReportTooLarge};
pub use object::Object;
pub use record::{Models, RequestRecord, StoredModels, UnreadableResult};

/// `value` as JSON text, written in one go: by way of a [`serde_json::Value`] a large catalog would be built twice more.
///
/// # Panics
/// When a map's keys are no text, which the wire has none of.
#[expect(clippy::expect_used, reason = "what the wire knows can always be written")]
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a value of the wire is JSON")
}

/// The body of every error.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ErrorBody {
    /// What was wrong, in the contract's words.
    pub error: String,
}
