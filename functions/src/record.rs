//! Renders a request as the record in the responses of initiate and poll.

use doorbell_protocol::RequestRecord;
use doorbell_shared::kinds::timeout_text;
use doorbell_shared::request::{Payload, Request, State};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The error of a cancelled request.
const CANCELLED: &str = "cancelled";

/// A record with its models as stored text: parsing and serializing 20 models took nine tenths of a poll.
pub(crate) type StoredRecord = RequestRecord<Box<RawValue>>;

/// The parts of a stored `ModelListResult` that are in the record.
#[derive(Deserialize)]
struct StoredModelList {
    models: Box<RawValue>,
    supported: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored result does not have the shape of its kind")]
pub(crate) struct CorruptResult;

pub(crate) fn render(request: &Request) -> Result<StoredRecord, CorruptResult> {
    let result = match &request.state {
        State::Completed(payload) => Some(model_list(payload)?),
        _ => None,
    };
    Ok(RequestRecord {
        id: request.address.request,
        runtime_id: request.address.runtime,
        status: request.state.status(),
        supported: result.as_ref().is_none_or(|result| result.supported),
        models: result.map(|result| result.models).filter(|models| models.get() != "[]"),
        error: error(request),
        created_at: request.created_at,
        updated_at: request.updated_at,
    })
}

fn model_list(payload: &Payload) -> Result<StoredModelList, CorruptResult> {
    let list: StoredModelList = serde_json::from_str(payload.as_str()).map_err(|_| CorruptResult)?;
    if list.models.get().starts_with('[') { Ok(list) } else { Err(CorruptResult) }
}

fn error(request: &Request) -> Option<String> {
    let text = match &request.state {
        State::Failed(error) => error.as_str().to_owned(),
        State::Cancelled => CANCELLED.to_owned(),
        State::Timeout(reason) => timeout_text(request, *reason),
        _ => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use doorbell_protocol::{Kind, Timestamp};
    use doorbell_shared::id_gen::{IdGenerator as _, RandomIdGenerator};
    use doorbell_shared::kinds::model_list::MODEL_LIST;
    use doorbell_shared::request::{Address, ClaimFilter, ErrorText, RequestOutcome, Ring};
    use serde_json::json;

    use super::*;

    fn pending() -> Request {
        let workspace = "00000000-0000-4000-8000-00000000000a".parse().unwrap();
        let runtime = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        let request = "019a0000000070008000000000000001".parse().unwrap();
        let now = Timestamp::from_millis(1_795_318_867_123).unwrap();
        let ring = Ring::new(Address { runtime, request }, Kind::MODEL_LIST, MODEL_LIST.deadlines);
        Request::new(ring, workspace, now)
    }

    fn completed(stored: &str) -> Request {
        let request = pending();
        let outcome = RequestOutcome::Completed(Payload::try_from(stored.to_owned()).unwrap());
        request.reported_if_open(&outcome, request.created_at).unwrap()
    }

    fn rendered(request: &Request) -> serde_json::Value {
        serde_json::to_value(render(request).unwrap()).unwrap()
    }

    #[test]
    fn pending_record_has_only_required_fields() {
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

    /// The reference server excludes it with `json:"-"`.
    #[test]
    fn lease_is_never_on_the_wire() {
        let request = pending();
        let token = RandomIdGenerator::default().lease_token();
        let running =
            rendered(&request.claimed_if_claimable(ClaimFilter::Pending, token, request.created_at).unwrap());
        let fields: Vec<_> = running.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, ["id", "runtime_id", "status", "supported", "created_at", "updated_at"]);
    }

    #[test]
    fn leaves_out_empty_error_and_models() {
        let request = pending();
        let failed = RequestOutcome::Failed(ErrorText::from(String::new()));
        let failed = rendered(&request.reported_if_open(&failed, request.created_at).unwrap());
        assert_eq!((failed.get("error"), failed.get("models")), (None, None));
        let empty = rendered(&completed(r#"{"models":[],"supported":true,"fallback":false}"#));
        assert_eq!(empty.get("models"), None);
    }

    #[test]
    fn splices_models_as_stored() {
        let models = r#"[{"label":"A","id":"a","cost":0.10,"more":{"z":1,"a":[1e3]}}]"#;
        let request = completed(&format!(r#"{{"models":{models},"supported":true,"fallback":false}}"#));
        let json = serde_json::to_string(&render(&request).unwrap()).unwrap();
        assert!(json.contains(&format!(r#""models":{models},"#)), "{json}");
    }

    #[test]
    fn corrupt_result_is_an_error() {
        for stored in ["[]", r#"{"models":5,"supported":true}"#, r#"{"models":null,"supported":true}"#] {
            assert_eq!(render(&completed(stored)).unwrap_err(), CorruptResult, "{stored}");
        }
    }
}
