//! Pi: `pi --mode rpc` lists the models of the providers that it has a login or a key for. Older versions print a table.

mod rpc;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;

use super::attempts::first_or;
use super::launch::{KnownProgram, Launch};
use super::process::Program;
use super::{ModelSource, SourceError};

/// The type `pi`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "pi",
    name: "Pi",
    executables: &["pi"],
    keys: &[
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_OAUTH_TOKEN",
        "OPENAI_API_KEY",
        "AZURE_OPENAI_API_KEY",
        "DEEPSEEK_API_KEY",
        "GEMINI_API_KEY",
        "GROQ_API_KEY",
        "CEREBRAS_API_KEY",
        "XAI_API_KEY",
        "FIREWORKS_API_KEY",
        "OPENROUTER_API_KEY",
        "AI_GATEWAY_API_KEY",
        "ZAI_API_KEY",
        "MISTRAL_API_KEY",
        "MINIMAX_API_KEY",
        "MOONSHOT_API_KEY",
        "OPENCODE_API_KEY",
        "KIMI_API_KEY",
        "CLOUDFLARE_API_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
    ],
    source: |launch| Arc::new(Pi::new(launch)),
};

/// Pi logs in with a command in its terminal.
const LOGIN: Option<&str> = Some("");

/// The agent program `pi`.
#[derive(Debug)]
struct Pi {
    rpc: Program,
    table: Program,
}

impl Pi {
    fn new(launch: &Launch) -> Self {
        Self { rpc: launch.with(rpc::ARGUMENTS), table: launch.with(table::ARGUMENTS) }
    }
}

#[async_trait]
impl ModelSource for Pi {
    fn name(&self) -> &str {
        self.rpc.name()
    }

    fn query(&self) -> String {
        format!("{} --mode rpc, get_available_models", self.name())
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        first_or(rpc::list(&self.rpc), table::list(&self.table)).await
    }
}

/// Pi lists no model of a provider without a login. An error tells a client more than an empty list.
fn no_models(program: &Program) -> SourceError {
    let name = program.name();
    let remedy =
        format!("run \"{name}\" and \"/login\" on this machine, or give the daemon a provider's API key");
    SourceError::NoModels { program: name.to_owned(), remedy }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::list_with_timeout;
    use crate::sources::script::executable;

    /// A script with one part for each way to ask it.
    async fn list(rpc: &str, table: &str) -> Result<ModelListResult, SourceError> {
        let body = format!(
            "case \"$*\" in\n'--mode rpc --no-session') {rpc};;\n--list-models) {table};;\n*) exit 9;;\nesac"
        );
        let folder = tempfile::tempdir().unwrap();
        list_with_timeout(&Pi::new(&Launch::of(executable(folder.path(), "pi", &body)))).await
    }

    const TABLE: &str = "printf 'provider  model  context\\none  of-table  200K\\n'";

    fn rpc(models: &str) -> String {
        let answer =
            format!(r#"{{"id":"models","type":"response","success":true,"data":{{"models":{models}}}}}"#);
        format!("read -r models; echo '{answer}'")
    }

    #[tokio::test]
    async fn rpc_comes_before_table() {
        let result = list(&rpc(r#"[{"id":"of-rpc","provider":"one"}]"#), TABLE).await.unwrap();
        assert_eq!(result.models[0].model().id, "one/of-rpc");
    }

    #[tokio::test]
    async fn table_answers_for_older_versions() {
        let refused =
            r#"read -r models; echo '{"id":"models","type":"response","success":false,"error":"x"}'"#;
        for failure in ["echo 'Unknown option' >&2; exit 1", "exit 0", refused, &rpc("{}")] {
            let result = list(failure, TABLE).await.unwrap();
            assert_eq!(result.models[0].model().id, "one/of-table", "{failure}");
        }
    }

    #[tokio::test]
    async fn no_model_is_an_error_with_remedy() {
        let text = "pi has no models: run \"pi\" and \"/login\" on this machine, or give the daemon a provider's API key";
        let notice = "echo 'No models available. Use /login to …'";
        for (rpc, table) in [(&*rpc("[]"), TABLE), ("exit 1", notice), ("exit 1", &format!("{notice} >&2"))] {
            assert_eq!(list(rpc, table).await.unwrap_err().to_string(), text, "{rpc}; {table}");
        }
    }
}
