//! Scripted peers. Each answers `initialize` and `session/new` in its own way.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::agents::environment::Environment;
use crate::sources::launch::AgentEnvironment;
use crate::sources::list_with_timeout;
use crate::sources::script::executable;

const AGENT: AcpProgram = AcpProgram { login: "login", ..AcpProgram::new(&["--acp"]) };

/// The beginning of each script: it reads `initialize` and answers.
const INITIALIZED: &str =
    r#"read -r initialize; echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":1}}'"#;

/// A home directory with the program `agent`.
struct Peer(TempDir);

impl Peer {
    fn new(body: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        executable(home.path(), "agent", body);
        Self(home)
    }

    /// Answers `session/new` with this message.
    fn answering(message: &Value) -> Self {
        Self::new(&format!("{INITIALIZED}; read -r new; cat <<'END'\n{message}\nEND\nread -r more"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn source(&self, kind: AcpProgram) -> Arc<dyn ModelSource> {
        let path = std::env::var("PATH").unwrap();
        let environment = Environment::of([("PATH", path.as_str()), ("HOME", self.path().to_str().unwrap())]);
        let environment = AgentEnvironment::new(&environment, |_| false);
        kind.source(&Launch { program: self.path().join("agent"), environment })
    }

    async fn list(&self) -> Result<ModelListResult, SourceError> {
        list_with_timeout(self.source(AGENT).as_ref()).await
    }

    async fn error(&self) -> String {
        self.list().await.unwrap_err().to_string()
    }
}

/// The models of a session.
async fn models(session: Value) -> Value {
    let answer = json!({"jsonrpc": "2.0", "id": 2, "result": session});
    let list = Peer::answering(&answer).list().await.unwrap();
    assert!(list.supported && !list.fallback);
    json!(list.models)
}

async fn error_of(session: Value) -> String {
    Peer::answering(&json!({"jsonrpc": "2.0", "id": 2, "result": session})).error().await
}

async fn error_of_code(code: i64) -> String {
    let error = json!({"code": code, "message": "secret"});
    Peer::answering(&json!({"jsonrpc": "2.0", "id": 2, "error": error})).error().await
}

const INVALID: &str = "agent printed something other than a list of models; is it up to date?";

#[tokio::test]
async fn lists_available_models_with_current_as_default() {
    let session = json!({"sessionId": "s", "models": {
        "availableModels": [
            {"modelId": "auto", "name": "Auto", "description": "Decides", "_meta": {"limit": 1}},
            {"modelId": "maker/large 2", "name": "Large"},
            {"modelId": "bare", "name": null},
        ],
        "currentModelId": "maker/large 2",
    }});
    let expected = json!([
        {"id": "auto", "label": "Auto"},
        {"id": "maker/large 2", "label": "Large", "default": true},
        {"id": "bare", "label": "bare"},
    ]);
    assert_eq!(models(session).await, expected);
}

#[tokio::test]
async fn lists_options_of_category_model_with_thought_levels() {
    let session = json!({"sessionId": "s", "models": null, "configOptions": [
        {"id": "mode", "category": "mode", "type": "select", "currentValue": "ask", "options": [{"value": "ask"}]},
        {"id": "model", "category": "other", "type": "select", "options": [{"value": "wrong", "name": "Wrong"}]},
        {"id": "m", "category": "model", "type": "select", "currentValue": "b", "options": [
            {"group": "g", "name": "Group", "options": [{"value": "a", "name": "A", "description": "First"}]},
            {"value": "b", "name": "B"},
        ]},
        {"id": "t", "category": "thought_level", "type": "select", "currentValue": "high", "options": [
            {"value": "low", "name": "Low", "description": "Fast"}, {"value": "high"},
        ]},
    ]});
    let levels = json!([
        {"value": "low", "label": "Low", "description": "Fast"}, {"value": "high", "label": "high"},
    ]);
    let expected = json!([
        {"id": "a", "label": "A"},
        {"id": "b", "label": "B", "default": true,
         "thinking": {"supported_levels": levels, "default_level": "high"}},
    ]);
    assert_eq!(models(session).await, expected);
}

#[tokio::test]
async fn option_is_found_by_id_without_category() {
    let session = json!({"configOptions": [
        {"id": "model", "options": [{"value": "a", "name": "A"}]},
        {"id": "thought_level", "options": [{"value": "low", "name": "Low"}]},
    ]});
    assert_eq!(models(session).await, json!([{"id": "a", "label": "A"}]));
}

#[tokio::test]
async fn available_models_precede_options() {
    let session = json!({
        "models": {"availableModels": [{"modelId": "a", "name": "A"}]},
        "configOptions": [{"id": "model", "options": [{"value": "b", "name": "B"}]}],
    });
    assert_eq!(models(session).await, json!([{"id": "a", "label": "A"}]));
}

#[tokio::test]
async fn unlisted_current_model_comes_first() {
    let session = json!({"models": {
        "availableModels": [{"modelId": "a", "name": "A"}], "currentModelId": "mine",
    }});
    let expected = json!([{"id": "mine", "label": "mine", "default": true}, {"id": "a", "label": "A"}]);
    assert_eq!(models(session).await, expected);
}

#[tokio::test]
async fn bad_and_repeated_entries_lose_no_other() {
    let session = json!({"models": {"availableModels": [
        1, {"name": "No id"}, {"modelId": "", "name": "Empty"}, {"modelId": "a", "name": 7},
        {"modelId": "a", "name": "Again"}, {"modelId": "x".repeat(501), "name": "Long"}, null, {"modelId": "b", "name": "B"},
    ]}});
    assert_eq!(models(session).await, json!([{"id": "a", "label": "a"}, {"id": "b", "label": "B"}]));
}

#[tokio::test]
async fn only_bad_entries_are_an_error() {
    let session = json!({"models": {"availableModels": [{"name": "secret"}, 1]}});
    assert_eq!(error_of(session).await, INVALID);
}

#[tokio::test]
async fn session_without_list_is_named() {
    let text = "agent does not say which models it has; is it up to date?";
    for session in [json!({"sessionId": "s"}), json!({"models": {"availableModels": []}, "configOptions": 7})]
    {
        assert_eq!(error_of(session.clone()).await, text, "{session}");
    }
}

#[tokio::test]
async fn session_without_list_may_mean_that_choices_are_ignored() {
    let peer = Peer::answering(&json!({"jsonrpc": "2.0", "id": 2, "result": {"sessionId": "s"}}));
    let source = peer.source(AcpProgram { may_ignore_choice: true, ..AGENT });
    let list = source.list_models().await.unwrap();
    assert_eq!((list.models.len(), list.supported, list.fallback), (0, false, false));
}

#[tokio::test]
async fn maker_is_the_provider() {
    let session = json!({"models": {"availableModels": [{"modelId": "a", "name": "A"}]}});
    let peer = Peer::answering(&json!({"jsonrpc": "2.0", "id": 2, "result": session}));
    let list = peer.source(AcpProgram { maker: Some("google"), ..AGENT }).list_models().await.unwrap();
    assert_eq!(list.models[0].model().provider.as_deref(), Some("google"));
}

#[tokio::test]
async fn missing_login_names_its_command() {
    let text = "agent is not logged in: run \"agent login\" on this machine";
    assert_eq!(error_of_code(-32000).await, text);
}

#[tokio::test]
async fn program_that_asks_for_login_itself_is_named_alone() {
    let peer = Peer::new(r#"read -r line; echo '{"id":1,"error":{"code":-32000}}'; read -r more"#);
    let error = peer.source(AcpProgram::new(&["--acp"])).list_models().await.unwrap_err();
    assert_eq!(error.to_string(), "agent is not logged in: run \"agent\" on this machine");
}

#[tokio::test]
async fn other_error_has_code_but_no_message() {
    let text =
        "agent could not list its models (error -32603); run \"agent --acp\" on this machine to see why";
    assert_eq!(error_of_code(-32603).await, text);
}

#[tokio::test]
async fn exit_is_explained() {
    let text =
        "agent could not list its models (exit status 2); run \"agent --acp\" on this machine to see why";
    assert_eq!(Peer::new("echo 'unknown option --acp' >&2; exit 2").error().await, text);
    assert_eq!(Peer::new(&format!("{INITIALIZED}; read -r new; exit 2")).error().await, text);
    assert_eq!(Peer::new("exit 0").error().await, INVALID);
}

#[tokio::test]
async fn stderr_of_exit_may_ask_for_login() {
    let text = "agent is not logged in: run \"agent login\" on this machine";
    assert_eq!(Peer::new("echo 'Please log in' >&2; exit 1").error().await, text);
}

/// The clock is paused: it jumps to the limit while only the program is awaited.
#[tokio::test(start_paused = true)]
async fn silent_program_times_out() {
    for body in ["exec sleep 1000".to_owned(), format!("{INITIALIZED}; exec sleep 1000")] {
        let error = Peer::new(&body).error().await;
        assert_eq!(error, "agent did not list its models within 15 seconds", "{body}");
    }
}

#[tokio::test]
async fn flood_ends_within_limits() {
    let notification = r#"{"jsonrpc":"2.0","method":"session/update","params":{}}"#;
    for flood in ["yes".to_owned(), format!("yes '{notification}'"), "yes | tr -d '\\n'".to_owned()] {
        assert_eq!(Peer::new(&format!("{INITIALIZED}; {flood}")).error().await, INVALID, "{flood}");
    }
}

#[tokio::test]
async fn notices_and_requests_of_program_are_skipped() {
    let body = format!(
        r#"echo Welcome; {INITIALIZED}
        echo '{{"jsonrpc":"2.0","method":"session/update","params":{{"id":2}}}}'
        echo '{{"jsonrpc":"2.0","id":2,"method":"fs/read_text_file","params":{{"path":"/etc/passwd"}}}}'
        read -r new; read -r refusal
        case "$refusal" in *'"id":2,"error":{{"code":-32601'*) ;; *) exit 9;; esac
        echo '{{"jsonrpc":"2.0","id":2,"result":{{"models":{{"availableModels":[{{"modelId":"a","name":"A"}}]}}}}}}'"#
    );
    assert_eq!(json!(Peer::new(&body).list().await.unwrap().models), json!([{"id": "a", "label": "A"}]));
}

#[tokio::test]
async fn session_is_in_an_empty_directory_without_servers() {
    let body = format!(
        r#"{INITIALIZED}; read -r new; test -z "$(ls -A)" || exit 8
        case "$new" in *"\"cwd\":\"$PWD\",\"mcpServers\":[]"*) ;; *) exit 9;; esac
        case "$initialize" in *'"protocolVersion":1'*'"readTextFile":false'*) ;; *) exit 7;; esac
        echo '{{"id":2,"result":{{"models":{{"availableModels":[{{"modelId":"'"$PWD"'","name":"A"}}]}}}}}}'"#
    );
    let peer = Peer::new(&body);
    let directory = peer.path().join(".cache/doorbell/agents");
    for _ in 0..2 {
        let list = peer.list().await.unwrap();
        assert_eq!(Path::new(&list.models[0].model().id), directory);
    }
}

#[tokio::test]
async fn answer_does_not_wait_for_exit() {
    let session = json!({"models": {"availableModels": [{"modelId": "a", "name": "A"}]}});
    let answer = json!({"id": 2, "result": session});
    let peer = Peer::new(&format!("{INITIALIZED}; read -r new; echo '{answer}'; exec sleep 1000"));
    let listed = tokio::time::timeout(Duration::from_secs(20), peer.source(AGENT).list_models()).await;
    assert!(listed.expect("waited for the exit").is_ok());
}

#[test]
fn query_is_the_command_line() {
    assert_eq!(Peer::new("").source(AGENT).query(), "agent --acp (ACP)");
}
