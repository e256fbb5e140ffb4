//! The request record that initiate and poll answer with.
//!
//! Whoever reads it has [`ModelEntry`]s; whoever answers with it has [`StoredModels`], which pass from the store to the wire as
//! they are. They were checked when they were reported, and taking 20 of them apart to put them together again was nine tenths
//! of a poll.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::model::ModelEntry;
use crate::id::{RequestId, RuntimeId};
use crate::request::{Kind, Request, ResultBody, State, Status};
use crate::time::Timestamp;

/// A request as clients see it. When the run started is never among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "M: Models + Serialize", deserialize = "M: Models + Deserialize<'de>"))]
pub struct RequestRecord<M = Vec<ModelEntry>> {
    /// Which request.
    pub id: RequestId,
    /// Of which runtime.
    pub runtime_id: RuntimeId,
    /// How far it has come.
    pub status: Status,
    /// The answer.
    #[serde(default, skip_serializing_if = "Models::is_empty")]
    pub models: M,
    /// Whether an agent may be given a model of its own: `true` until a report says otherwise.
    pub supported: bool,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The models of an answer, in whatever form: empty ones are left out.
pub trait Models: Default {
    /// Whether there are none.
    fn is_empty(&self) -> bool;
}

impl Models for Vec<ModelEntry> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// The models as JSON text, to the letter as they are stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoredModels(Option<Box<RawValue>>);

impl StoredModels {
    fn is_list(&self) -> bool {
        self.0.as_ref().is_some_and(|models| models.get().starts_with('['))
    }
}

impl Models for StoredModels {
    fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|models| models.get() == "[]")
    }
}

/// As much of a stored [`ModelListResult`](super::ModelListResult) as a record shows.
#[derive(Deserialize)]
struct StoredResult {
    models: StoredModels,
    supported: bool,
}

impl StoredResult {
    fn of(result: &ResultBody) -> Result<Self, UnreadableResult> {
        let result: Self = serde_json::from_str(result.as_str()).map_err(|_| UnreadableResult)?;
        if result.models.is_list() { Ok(result) } else { Err(UnreadableResult) }
    }
}

/// A stored result does not have its kind's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored result is not of its kind's shape")]
pub struct UnreadableResult;

impl TryFrom<&Request> for RequestRecord<StoredModels> {
    type Error = UnreadableResult;
    fn try_from(request: &Request) -> Result<Self, UnreadableResult> {
        let Kind::ModelList = request.address.kind;
        let result = match &request.state {
            State::Completed(result) => Some(StoredResult::of(result)?),
            _ => None,
        };
        Ok(Self {
            id: request.address.request,
            runtime_id: request.address.runtime,
            status: request.state.status(),
            supported: result.as_ref().is_none_or(|result| result.supported),
            models: result.map(|result| result.models).unwrap_or_default(),
            error: error(&request.state),
            created_at: request.created_at,
            updated_at: request.updated_at,
        })
    }
}

fn error(state: &State) -> Option<String> {
    let text = match state {
        State::Failed(error) => error.as_str(),
        State::Timeout(lapse) => lapse.as_str(),
        _ => "",
    };
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::id::ClaimId;
    use crate::request::{Address, ErrorText, Outcome};

    fn pending() -> Request {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let runtime = RuntimeId::derive(workspace, "d", "t", "");
        let request = "019a0000000070008000000000000001".parse().unwrap();
        let now = Timestamp::from_millis(1_795_318_867_123).unwrap();
        Request::new(Address { runtime, request, kind: Kind::ModelList }, workspace, now)
    }

    fn rendered(request: &Request) -> serde_json::Value {
        serde_json::to_value(RequestRecord::try_from(request).unwrap()).unwrap()
    }

    #[test]
    fn a_pending_record_has_the_required_fields_and_no_others() {
        let request = pending();
        let expected = json!({
            "id": "019a0000000070008000000000000001",
            "runtime_id": request.address.runtime.to_string(),
            "status": "pending",
            "supported": true,
            "created_at": "2026-11-22T03:41:07.123Z",
            "updated_at": "2026-11-22T03:41:07.123Z",
        });
        assert_eq!(rendered(&request), expected);
    }

    /// `json:"-"` in the original: the clock of the run is the server's own business.
    #[test]
    fn the_start_of_the_run_is_never_on_the_wire() {
        let request = pending();
        let claim = ClaimId::from_uuid(Uuid::from_u128(1));
        let running = rendered(&request.claimed_if_pending(claim, request.created_at).unwrap());
        let fields: Vec<_> = running.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["id", "runtime_id", "status", "supported", "created_at", "updated_at"]);
    }

    #[test]
    fn an_empty_error_and_empty_models_are_left_out() {
        let request = pending();
        let failed = Outcome::Failed(ErrorText::from(String::new()));
        let failed = rendered(&request.reported_if_open(&failed, request.created_at).unwrap());
        assert_eq!((failed.get("error"), failed.get("models")), (None, None));
    }

    /// Numbers to the last digit, fields in their order, and nothing that is not ours to know of changed.
    #[test]
    fn models_are_answered_as_they_are_stored() {
        let models = r#"[{"label":"A","id":"a","cost":0.10,"more":{"z":1,"a":[1e3]}}]"#;
        let stored = format!(r#"{{"models":{models},"supported":true,"fallback":false}}"#);
        let request = pending();
        let outcome = Outcome::Completed(ResultBody::try_from(stored).unwrap());
        let completed = request.reported_if_open(&outcome, request.created_at).unwrap();
        let answer = serde_json::to_string(&RequestRecord::try_from(&completed).unwrap()).unwrap();
        assert!(answer.contains(&format!(r#""models":{models},"#)), "{answer}");
    }

    #[test]
    fn a_stored_result_of_another_shape_is_an_error() {
        let request = pending();
        let odd = ["[]", r#"{"models":5,"supported":true}"#, r#"{"models":null,"supported":true}"#];
        for odd in odd {
            let outcome = Outcome::Completed(ResultBody::try_from(odd.to_owned()).unwrap());
            let completed = request.reported_if_open(&outcome, request.created_at).unwrap();
            assert_eq!(RequestRecord::try_from(&completed).unwrap_err(), UnreadableResult, "{odd}");
        }
    }
}
