//! Codex: its app server lists the models, older versions print their catalog. Both have the same entries in the same order.

mod app_server;
mod catalog;

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{ModelListResult, ServiceTier};
use serde::Deserialize;

use super::attempts::{answer_in_time, first_or};
use super::entries::Entries;
use super::launch::{KnownProgram, Launch};
use super::process::Program;
use super::{ModelSource, SourceError};

/// The type `codex`.
pub(crate) const PROGRAM: KnownProgram = KnownProgram {
    provider: "codex",
    name: "Codex",
    executables: &["codex"],
    keys: &["OPENAI_API_KEY", "CODEX_API_KEY"],
    source: |launch| Arc::new(Codex::new(launch)),
};

const LOGIN: Option<&str> = Some("login");

/// The agent program `codex`.
#[derive(Debug)]
struct Codex {
    app_server: Program,
    catalog: Program,
}

impl Codex {
    fn new(launch: &Launch) -> Self {
        Self { app_server: launch.with(app_server::ARGUMENTS), catalog: launch.with(catalog::ARGUMENTS) }
    }
}

#[async_trait]
impl ModelSource for Codex {
    fn name(&self) -> &str {
        self.app_server.name()
    }

    fn query(&self) -> String {
        format!("{}, model/list (JSON-RPC)", self.app_server.command_line())
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let app_server = answer_in_time(self.name(), app_server::list(&self.app_server));
        first_or(app_server, catalog::list(&self.catalog)).await
    }
}

/// A service tier, in both lists.
#[derive(Deserialize)]
struct Tier {
    id: String,
    name: Option<String>,
    description: Option<String>,
}

impl From<Tier> for ServiceTier {
    fn from(tier: Tier) -> Self {
        let name = tier.name.unwrap_or_else(|| tier.id.clone());
        Self { id: tier.id, name, description: tier.description }
    }
}

fn service_tiers(tiers: Option<Entries<Tier>>) -> Vec<ServiceTier> {
    tiers.unwrap_or_default().usable.into_iter().map(ServiceTier::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::list_with_timeout;
    use crate::sources::script::executable;

    /// A script with one part for each way to ask it.
    async fn list(app_server: &str, catalog: &str) -> Result<ModelListResult, SourceError> {
        let body = format!(
            "case \"$*\" in\napp-server) {app_server};;\n'debug models') {catalog};;\n*) exit 9;;\nesac"
        );
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of(executable(folder.path(), "codex", &body));
        list_with_timeout(&Codex::new(&launch)).await
    }

    const CATALOG: &str = r#"echo '{"models": [{"slug": "of-catalog"}]}'"#;

    #[tokio::test]
    async fn app_server_comes_before_catalog() {
        let app_server = r#"read -r initialize; echo '{"id":1,"result":{}}'; read -r initialized; read -r list
            echo '{"id":2,"result":{"data":[{"model":"of-server"}]}}'; read -r end"#;
        assert_eq!(list(app_server, CATALOG).await.unwrap().models[0].model().id, "of-server");
    }

    #[tokio::test]
    async fn catalog_answers_for_older_versions() {
        // An unknown subcommand is a prompt for the terminal; older app servers do not know the method.
        let unknown_method = r#"read -r initialize; echo '{"id":1,"result":{}}'; read -r initialized; read -r list
            echo '{"id":2,"error":{"code":-32600,"message":"unknown variant"}}'; read -r end"#;
        for app_server in ["echo 'Error: stdin is not a terminal' >&2; exit 1", "exit 0", unknown_method] {
            let models = list(app_server, CATALOG).await.unwrap().models;
            assert_eq!(models[0].model().id, "of-catalog", "{app_server}");
        }
    }

    #[tokio::test]
    async fn failure_names_command_of_catalog() {
        let error = list("exit 2", "exit 3").await.unwrap_err();
        let text = "codex could not list its models (exit status 3); run \"codex debug models\" on this machine \
                    to see why";
        assert_eq!(error.to_string(), text);
    }

    #[tokio::test]
    async fn logged_out_names_login_command() {
        let error = list("echo 'Not logged in' >&2; exit 1", CATALOG).await.unwrap_err();
        assert_eq!(error.to_string(), "codex is not logged in: run \"codex login\" on this machine");
    }

    #[tokio::test]
    async fn missing_program_is_not_installed() {
        let error = Codex::new(&Launch::of("codex-not-installed")).list_models().await.unwrap_err();
        assert_eq!(error, SourceError::NotInstalled { program: "codex-not-installed".to_owned() });
    }

    /// The clock is paused: it jumps to the limits while only the program is awaited.
    #[tokio::test(start_paused = true)]
    async fn slow_program_times_out() {
        let error = list("exec sleep 1000", "exec sleep 1000").await.unwrap_err();
        assert_eq!(error.to_string(), "codex did not list its models within 15 seconds");
    }
}
