use serde_json::{Value, json};

use super::*;

fn result(report: &Value) -> Result<LocalSkillsResult, NoLocalSkills> {
    serde_json::from_value::<RawLocalSkillsReport>(report.clone()).unwrap().into_result()
}

fn skill() -> Value {
    json!({"key": "k", "name": "n", "source_path": "~/k", "provider": "codex", "file_count": 1})
}

#[test]
fn missing_fields_have_their_defaults() {
    for report in
        [json!({"status": "completed"}), json!({"status": "completed", "skills": null, "mcp_servers": null})]
    {
        let result = result(&report).unwrap();
        let defaults = LocalSkillsResult { supported: true, ..LocalSkillsResult::unsupported() };
        assert_eq!(result, defaults);
    }
}

#[test]
fn reported_flags_are_kept() {
    let result = result(&json!({"status": "completed", "supported": false, "mcp_supported": true})).unwrap();
    assert!(!result.supported && result.mcp_supported);
}

#[test]
fn full_entries_round_trip() {
    let skills = json!([{
        "key": "review:check", "name": "check", "description": "Checks", "source_path": "~/p/check",
        "provider": "claude", "root": "plugin", "plugin": "review@market", "can_disable": true, "file_count": 3,
    }]);
    let servers = json!([
        {"name": "files", "transport": "stdio", "source": "User config", "enabled": true},
        {"name": "bare", "enabled": false},
    ]);
    let result = result(&json!({"status": "completed", "skills": skills, "mcp_servers": servers})).unwrap();
    assert_eq!(json!(result.skills), skills);
    assert_eq!(json!(result.mcp_servers), servers);
}

#[test]
fn completed_report_gives_the_same_result() {
    let skills = vec![serde_json::from_value(skill()).unwrap()];
    let result = LocalSkillsResult { skills, supported: true, ..LocalSkillsResult::unsupported() };
    let report = json!(LocalSkillsReport::completed(result.clone()));
    assert_eq!(self::result(&report), Ok(result));
}

#[test]
fn absent_fields_are_left_out() {
    let report = json!({"status": "completed", "skills": [{
        "key": "k", "name": "n", "source_path": "~/k", "provider": "codex", "file_count": 1,
        "description": "", "root": null, "plugin": null, "can_disable": null,
    }]});
    assert_eq!(json!(result(&report).unwrap().skills), json!([skill()]));
}

#[test]
fn secrets_of_mcp_servers_are_dropped() {
    let report = json!({"status": "completed", "mcp_servers": [{
        "name": "files", "enabled": true, "command": "SECRET", "args": ["SECRET"], "url": "SECRET",
        "headers": {"authorization": "SECRET"}, "env": {"KEY": "SECRET"},
    }]});
    let stored = json!(result(&report).unwrap()).to_string();
    assert!(!stored.contains("SECRET"), "{stored}");
}

#[test]
fn values_of_newer_daemons_stay_within_contract() {
    let mut skill = skill();
    skill["root"] = json!("managed");
    let servers = json!([{"name": "s", "transport": "websocket", "enabled": true}]);
    let report = json!({"status": "completed", "skills": [skill], "mcp_servers": servers});
    let result = result(&report).unwrap();
    assert_eq!(result.skills[0].root, None);
    assert_eq!(result.mcp_servers[0].transport, Some(McpTransport::Unknown));
}

#[test]
fn malformed_skill_is_not_a_result() {
    let mut malformed = vec![Value::Null, json!("k")];
    for field in ["key", "name", "source_path", "provider", "file_count"] {
        let mut skill = skill();
        skill.as_object_mut().unwrap().remove(field);
        malformed.push(skill);
    }
    let mut empty = skill();
    empty["key"] = json!("");
    malformed.push(empty);
    for malformed in malformed {
        let report = json!({"status": "completed", "skills": [skill(), malformed]});
        let invalid = NoLocalSkills::InvalidEntry(InvalidSkillEntry::Skill);
        assert_eq!(result(&report), Err(invalid), "{report}");
    }
}

#[test]
fn malformed_mcp_server_is_not_a_result() {
    for server in [json!({"name": "s"}), json!({"enabled": true}), json!({"name": "", "enabled": true})] {
        let report = json!({"status": "completed", "mcp_servers": [server]});
        let invalid = NoLocalSkills::InvalidEntry(InvalidSkillEntry::McpServer);
        assert_eq!(result(&report), Err(invalid), "{report}");
    }
}

#[test]
fn entries_of_failure_are_not_read() {
    let report = json!({"status": "failed", "error": "no", "skills": [1]});
    assert_eq!(result(&report), Err(NoLocalSkills::Failed("no".to_owned())));
    let failed = json!(LocalSkillsReport::failed("no"));
    assert_eq!(failed, json!({"status": "failed", "error": "no"}));
}

#[test]
fn limits_are_inclusive() {
    let with_skills = |count, name: &str| {
        let mut entry: SkillEntry = serde_json::from_value(skill()).unwrap();
        entry.name = name.to_owned();
        LocalSkillsResult { skills: vec![entry; count], ..LocalSkillsResult::unsupported() }
    };
    let with_servers = |count, name: &str| {
        let server = McpServer { name: name.to_owned(), transport: None, source: None, enabled: true };
        LocalSkillsResult { mcp_servers: vec![server; count], ..LocalSkillsResult::unsupported() }
    };
    let longest = "x".repeat(LOCAL_SKILL_TEXT_CHARS);
    let longer = "x".repeat(LOCAL_SKILL_TEXT_CHARS + 1);
    for result in [
        with_skills(LOCAL_SKILLS_PER_REPORT, "n"),
        with_skills(1, &longest),
        with_servers(MCP_SERVERS_PER_REPORT, "n"),
        with_servers(1, &longest),
    ] {
        assert!(result.is_within_limits());
    }
    for result in [
        with_skills(LOCAL_SKILLS_PER_REPORT + 1, "n"),
        with_skills(1, &longer),
        with_servers(MCP_SERVERS_PER_REPORT + 1, "n"),
        with_servers(1, &longer),
    ] {
        assert!(!result.is_within_limits());
    }
}
