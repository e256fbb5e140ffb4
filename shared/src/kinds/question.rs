//! Requests of every kind on their generic routes. A question has no other.

use doorbell_protocol::limits::{JSON_DEPTH, PROGRESS_BYTES};
use doorbell_protocol::{Json, Kind, Report, RequestId, RuntimeId, Status, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{CorruptResult, JsonText, Rejected, built_in, error, parse, stored, text};
use crate::catalog::ServedSnapshot;
use crate::request::{Address, ErrorText, Payload, Request, RequestOutcome, State};

/// An accepted report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    Outcome(RequestOutcome),
    Progress(Json),
}

/// The body of a report. Its values are checked after it is parsed, because a malformed result fails its request.
#[derive(Deserialize)]
struct Body {
    status: String,
    result: Option<Box<RawValue>>,
    error: Option<String>,
    progress: Option<Box<RawValue>>,
}

/// Reads a report. A `status` that is neither `completed` nor `running` is a failure.
pub fn accept(body: &[u8]) -> Result<Accepted, Rejected> {
    let body: Body = parse(body)?;
    match body.status.as_str() {
        Report::COMPLETED => Ok(Accepted::Outcome(RequestOutcome::Completed(result(body.result)?))),
        Report::RUNNING => progress(body.progress).map(Accepted::Progress),
        _ => Ok(Accepted::Outcome(RequestOutcome::Failed(ErrorText::from(body.error.unwrap_or_default())))),
    }
}

/// A missing result is `null`.
fn result(result: Option<Box<RawValue>>) -> Result<Payload, Rejected> {
    let Some(result) = result else { return Ok(Payload::try_from("null".to_owned())?) };
    let result = Json::try_from(result).map_err(|_| {
        Rejected::malformed(format!("a result that is nested deeper than {JSON_DEPTH} levels"))
    })?;
    Ok(Payload::try_from(result.as_str().to_owned())?)
}

/// A request with progress that cannot be stored keeps running.
fn progress(progress: Option<Box<RawValue>>) -> Result<Json, Rejected> {
    let progress = progress.ok_or(Rejected::Body)?;
    if progress.get().len() > PROGRESS_BYTES {
        return Err(Rejected::Progress);
    }
    Json::try_from(progress).map_err(|_| Rejected::Body)
}

/// As [`AnyRequestRecord`](doorbell_protocol::AnyRequestRecord), with JSON that is not parsed.
#[derive(Serialize)]
struct Record<'a> {
    id: RequestId,
    runtime_id: RuntimeId,
    kind: Kind,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<JsonText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
}

pub(super) fn render(request: &Request) -> Result<JsonText, CorruptResult> {
    let lease = match &request.state {
        State::Running(lease) => Some(lease),
        _ => None,
    };
    let result = stored(request).map(|payload| render_result(request.kind, payload)).transpose()?;
    text(&Record {
        id: request.address.request,
        runtime_id: request.address.runtime,
        kind: request.kind,
        status: request.state.status(),
        args: request.args.as_ref(),
        progress: request.progress.as_ref().filter(|_| lease.is_some()),
        result: result.filter(|result| result.get() != "null"),
        error: error(request),
        cached: false,
        cached_at: None,
        created_at: request.created_at,
        updated_at: request.updated_at,
        attempt: lease.map(|lease| lease.attempt),
    })
}

pub(super) fn render_cached(
    kind: Kind,
    address: Address,
    snapshot: &ServedSnapshot,
) -> Result<JsonText, CorruptResult> {
    text(&Record {
        id: address.request,
        runtime_id: address.runtime,
        kind,
        status: Status::Completed,
        args: None,
        progress: None,
        result: Some(render_result(kind, &snapshot.result)?),
        error: None,
        cached: true,
        cached_at: Some(snapshot.stored_at),
        created_at: snapshot.stored_at,
        updated_at: snapshot.stored_at,
        attempt: None,
    })
}

fn render_result(kind: Kind, payload: &Payload) -> Result<JsonText, CorruptResult> {
    match built_in(kind) {
        Some(built_in) => (built_in.render_result)(payload),
        None => RawValue::from_string(payload.as_str().to_owned()).map_err(|_| CorruptResult),
    }
}

#[cfg(test)]
mod tests {
    use doorbell_protocol::AnyRequestRecord;
    use doorbell_protocol::limits::RESULT_BYTES;
    use serde_json::json;

    use super::super::fixtures::{asked, completed_with, running};
    use super::super::model_list::MODEL_LIST;
    use super::*;

    fn accepted(body: &str) -> Result<Accepted, Rejected> {
        accept(body.as_bytes())
    }

    fn record(request: &Request) -> AnyRequestRecord {
        serde_json::from_str(render(request).unwrap().get()).unwrap()
    }

    fn completed(result: &str) -> Result<Accepted, Rejected> {
        Ok(Accepted::Outcome(RequestOutcome::Completed(Payload::try_from(result.to_owned()).unwrap())))
    }

    #[test]
    fn result_keeps_its_spelling() {
        let result = r#"{"b":1.10, "a":1e400}"#;
        assert_eq!(accepted(&format!(r#"{{"status":"completed","result":{result}}}"#)), completed(result));
    }

    #[test]
    fn missing_result_is_null() {
        for body in [r#"{"status":"completed"}"#, r#"{"status":"completed","result":null}"#] {
            assert_eq!(accepted(body), completed("null"), "{body}");
        }
    }

    #[test]
    fn any_other_status_is_a_failure() {
        for status in ["failed", "error", ""] {
            let failed = RequestOutcome::Failed(ErrorText::from("no".to_owned()));
            let body = json!({"status": status, "error": "no", "result": 1}).to_string();
            assert_eq!(accepted(&body), Ok(Accepted::Outcome(failed)));
        }
    }

    #[test]
    fn unstorable_result_is_rejected_with_reason() {
        let text = "x".repeat(RESULT_BYTES);
        assert!(matches!(
            accepted(&json!({"status": "completed", "result": text}).to_string()),
            Err(Rejected::TooLarge(_))
        ));
        let deep = format!("{}1{}", "[".repeat(JSON_DEPTH + 1), "]".repeat(JSON_DEPTH + 1));
        assert!(matches!(
            accepted(&format!(r#"{{"status":"completed","result":{deep}}}"#)),
            Err(Rejected::Malformed(_))
        ));
    }

    #[test]
    fn progress_is_bounded() {
        let progress = |bytes: usize| {
            accepted(&json!({"status": "running", "progress": "x".repeat(bytes - 2)}).to_string())
        };
        assert!(matches!(progress(PROGRESS_BYTES), Ok(Accepted::Progress(_))));
        assert!(matches!(progress(PROGRESS_BYTES + 1), Err(Rejected::Progress)));
    }

    #[test]
    fn progress_is_required() {
        for body in [r#"{"status":"running"}"#, r#"{"status":"running","progress":null}"#] {
            assert_eq!(accepted(body), Err(Rejected::Body), "{body}");
        }
    }

    #[test]
    fn running_record_has_args_progress_and_attempt() {
        let running = running_question();
        let progressed = running.progressed_if_running("7".parse().unwrap(), running.updated_at).unwrap();
        let record = record(&progressed);
        assert_eq!(record.args.unwrap().as_str(), r#"{"path":"/"}"#);
        assert_eq!((record.progress.unwrap().as_str(), record.attempt), ("7", Some(1)));
    }

    #[test]
    fn ended_request_has_no_progress() {
        let running = running_question();
        let progressed = running.progressed_if_running("7".parse().unwrap(), running.updated_at).unwrap();
        let cancelled = record(&progressed.cancelled_if_open(running.updated_at).unwrap());
        assert_eq!((cancelled.progress, cancelled.error.as_deref()), (None, Some("cancelled")));
    }

    #[test]
    fn null_result_is_left_out() {
        let request = running_question();
        let outcome = RequestOutcome::Completed(Payload::try_from("null".to_owned()).unwrap());
        let ended = record(&request.reported_if_open(&outcome, request.updated_at).unwrap());
        assert_eq!((ended.status, ended.result), (Status::Completed, None));
    }

    #[test]
    fn built_in_kind_renders_its_result() {
        let models = completed_with(&MODEL_LIST, r#"{"models":[],"supported":true,"fallback":false}"#);
        assert_eq!(record(&models).result.unwrap().as_str(), r#"{"models":[],"supported":true}"#);
    }

    #[test]
    fn running_built_in_kind_has_no_result() {
        assert_eq!(record(&running(&MODEL_LIST)).result, None);
    }

    fn running_question() -> Request {
        let args = r#"{"path":"/"}"#.parse().unwrap();
        super::super::fixtures::claimed(&asked("disk_usage".parse().unwrap(), Some(args)))
    }
}
