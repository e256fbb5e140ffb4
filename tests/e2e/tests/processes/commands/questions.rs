//! `doorbell questions`.

use doorbell_test_support::scripted_server::{Reply, ScriptedServer};
use serde_json::{Value, json};

use crate::support::any_kind::{id, listed, run, text};
use crate::support::records::RUNTIME;

#[tokio::test]
async fn questions_lists_declared_and_built_in_kinds() {
    let question = json!({
        "name": "disk_usage", "description": "Free space\u{1b}[2J", "timeout_s": 30,
        "args_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    });
    let list = json!([listed(1, "codex", json!({"questions": [question.clone(), {"name": "uptime"}]}))]);
    let server = ScriptedServer::replying(Reply::Json(200, list)).await;
    let table = "KIND          DESCRIPTION                                                    TIMEOUT  ARGS
 disk_usage    Free space\u{fffd}[2J                                                 30 s     path=string
 uptime                                                                       60 s
 model_list    The models that the runtime can use                            60 s
 local_skills  The skills and MCP servers that are installed for the runtime  60 s";
    for name in ["R1", &id(1), "Codex"] {
        let ended = run(&server, &["questions", name]).await;
        let shown: Vec<_> = ended.stdout.lines().map(str::trim).collect();
        assert_eq!((ended.code, shown), (Some(0), table.lines().map(str::trim).collect()));
    }
    let printed: Value =
        serde_json::from_str(&run(&server, &["questions", "R1", "--json"]).await.stdout).unwrap();
    let mut expected = question;
    expected["built_in"] = false.into();
    assert_eq!(printed[0], expected);
    assert_eq!((&printed[3]["name"], &printed[3]["built_in"]), (&json!("local_skills"), &json!(true)));
}

#[tokio::test]
async fn questions_of_unknown_runtime_have_remedy() {
    let server = ScriptedServer::replying(Reply::Json(200, json!([listed(1, "codex", json!({}))]))).await;
    for (name, what) in [("other", "name or type"), (RUNTIME, "id")] {
        let ended = run(&server, &["questions", name]).await;
        let help = "help: `doorbell runtimes` lists the runtimes\n";
        let expected = format!("error: no runtime has the {what} \"{name}\"\n{help}");
        assert_eq!(text(&ended), (Some(1), "", expected.as_str()));
    }
}
