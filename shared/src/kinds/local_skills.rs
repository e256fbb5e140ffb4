//! Kind `local_skills`: the skills and MCP servers that are installed for a runtime.

use doorbell_protocol::limits::{LOCAL_SKILL_TEXT_CHARS, LOCAL_SKILLS_PER_REPORT, MCP_SERVERS_PER_REPORT};
use doorbell_protocol::{
    Kind, LocalSkillsResult, NoLocalSkills, RawLocalSkillsReport, RequestId, RuntimeId, Status, Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    BuiltInKind, CorruptResult, JsonText, Rejected, completed, error, is_list, non_empty, parse, stored, text,
};
use crate::request::{Deadlines, ErrorText, Payload, Request, RequestOutcome};

pub const LOCAL_SKILLS: BuiltInKind = BuiltInKind {
    kind: Kind::LOCAL_SKILLS,
    segment: "local-skills",
    heartbeat_field: "pending_local_skills",
    deadlines: Deadlines::of_seconds(180, 60, 300),
    pending_text: "3 minutes",
    enqueue_failure: "failed to enqueue local skills request",
    accept,
    render,
    render_result,
    catalog: None,
};

fn accept(body: &[u8]) -> Result<RequestOutcome, Rejected> {
    match parse::<RawLocalSkillsReport>(body)?.into_result() {
        Ok(result) => within_limits(&result).and_then(|()| completed(&result)),
        Err(NoLocalSkills::Failed(error)) => Ok(RequestOutcome::Failed(ErrorText::from(error))),
        Err(NoLocalSkills::InvalidEntry(invalid)) => Err(Rejected::malformed(invalid)),
    }
}

fn within_limits(result: &LocalSkillsResult) -> Result<(), Rejected> {
    if result.is_within_limits() {
        return Ok(());
    }
    Err(Rejected::too_large(format!(
        "a report may have {LOCAL_SKILLS_PER_REPORT} skills, {MCP_SERVERS_PER_REPORT} MCP servers, and texts of \
         {LOCAL_SKILL_TEXT_CHARS} characters"
    )))
}

/// A stored [`LocalSkillsResult`].
#[derive(Deserialize, Serialize)]
struct StoredLocalSkills {
    skills: JsonText,
    supported: bool,
    mcp_servers: JsonText,
    mcp_supported: bool,
}

fn local_skills(payload: &Payload) -> Result<StoredLocalSkills, CorruptResult> {
    let stored: StoredLocalSkills = serde_json::from_str(payload.as_str()).map_err(|_| CorruptResult)?;
    if is_list(&stored.skills) && is_list(&stored.mcp_servers) { Ok(stored) } else { Err(CorruptResult) }
}

/// The record of the kind's own routes. Empty lists and texts are left out.
#[derive(Serialize)]
struct Record {
    id: RequestId,
    runtime_id: RuntimeId,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    skills: Option<JsonText>,
    supported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mcp_servers: Option<JsonText>,
    mcp_supported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn render(request: &Request) -> Result<JsonText, CorruptResult> {
    let mut record = Record {
        id: request.address.request,
        runtime_id: request.address.runtime,
        status: request.state.status(),
        skills: None,
        supported: true,
        mcp_servers: None,
        mcp_supported: false,
        error: error(request),
        created_at: request.created_at,
        updated_at: request.updated_at,
    };
    if let Some(payload) = stored(request) {
        let result = local_skills(payload)?;
        record.skills = non_empty(result.skills);
        record.supported = result.supported;
        record.mcp_servers = non_empty(result.mcp_servers);
        record.mcp_supported = result.mcp_supported;
    }
    text(&record)
}

fn render_result(payload: &Payload) -> Result<JsonText, CorruptResult> {
    text(&local_skills(payload)?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::fixtures::{completed_with, pending, running};
    use super::super::timeout_text;
    use super::*;
    use crate::request::TimeoutReason;

    fn skill() -> Value {
        json!({"key": "k", "name": "n", "source_path": "~/k", "provider": "codex", "file_count": 1})
    }

    fn accepted(body: &Value) -> Result<RequestOutcome, Rejected> {
        accept(body.to_string().as_bytes())
    }

    fn stored_text(body: &Value) -> String {
        let RequestOutcome::Completed(payload) = accepted(body).unwrap() else { panic!("not completed") };
        payload.as_str().to_owned()
    }

    fn rendered(request: &Request) -> Value {
        serde_json::from_str(render(request).unwrap().get()).unwrap()
    }

    #[test]
    fn pending_record_has_only_required_fields() {
        let request = pending(&LOCAL_SKILLS);
        let expected = json!({
            "id": "019a0000000070008000000000000001",
            "runtime_id": request.address.runtime.to_string(),
            "status": "pending",
            "supported": true,
            "mcp_supported": false,
            "created_at": "2026-11-22T03:41:07.123Z",
            "updated_at": "2026-11-22T03:41:07.123Z",
        });
        assert_eq!(rendered(&request), expected);
    }

    #[test]
    fn running_record_has_no_more_fields() {
        let fields = |record: Value| record.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(fields(rendered(&running(&LOCAL_SKILLS))), fields(rendered(&pending(&LOCAL_SKILLS))));
    }

    #[test]
    fn record_has_reported_entries() {
        let servers = json!([{"name": "s", "enabled": true}]);
        let body = json!({
            "status": "completed", "skills": [skill()], "mcp_servers": servers, "mcp_supported": true,
        });
        let record = rendered(&completed_with(&LOCAL_SKILLS, &stored_text(&body)));
        assert_eq!((&record["skills"], &record["mcp_servers"]), (&json!([skill()]), &servers));
        assert_eq!((&record["supported"], &record["mcp_supported"]), (&json!(true), &json!(true)));
    }

    #[test]
    fn empty_lists_are_left_out() {
        let body = json!({"status": "completed", "skills": null, "supported": false});
        let record = rendered(&completed_with(&LOCAL_SKILLS, &stored_text(&body)));
        assert_eq!((record.get("skills"), record.get("mcp_servers")), (None, None));
        assert_eq!(record["supported"], false);
    }

    #[test]
    fn generic_result_has_all_parts() {
        let stored = stored_text(&json!({"status": "completed", "skills": [skill()]}));
        let result = render_result(&Payload::try_from(stored).unwrap()).unwrap();
        let expected =
            json!({"skills": [skill()], "supported": true, "mcp_servers": [], "mcp_supported": false});
        assert_eq!(serde_json::from_str::<Value>(result.get()).unwrap(), expected);
    }

    #[test]
    fn malformed_entry_is_not_stored() {
        let body = json!({"status": "completed", "mcp_servers": [{"name": "s"}]});
        let reason = "the daemon's report has an MCP server without a name or \"enabled\"";
        assert_eq!(accepted(&body), Err(Rejected::Malformed(ErrorText::from(reason.to_owned()))));
    }

    #[test]
    fn number_of_skills_is_bounded() {
        let skills = vec![skill(); LOCAL_SKILLS_PER_REPORT + 1];
        let too_many = accepted(&json!({"status": "completed", "skills": skills}));
        assert!(matches!(too_many, Err(Rejected::TooLarge(_))));
    }

    #[test]
    fn timeout_text_is_that_of_the_contract() {
        let text = timeout_text(&pending(&LOCAL_SKILLS), TimeoutReason::NotClaimed);
        assert_eq!(text, "daemon did not respond within 3 minutes");
    }

    #[test]
    fn corrupt_result_is_an_error() {
        for stored in ["[]", r#"{"skills":5,"supported":true,"mcp_servers":[],"mcp_supported":true}"#] {
            assert_eq!(
                render(&completed_with(&LOCAL_SKILLS, stored)).unwrap_err(),
                CorruptResult,
                "{stored}"
            );
        }
    }
}
