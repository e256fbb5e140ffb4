//! Agent programs that speak the Agent Client Protocol (ACP): JSON-RPC, one message a line. `initialize` and `session/new` suffice:
//! a new session names its models. Then the program is killed.
//!
//! - The crate `agent-client-protocol` is not used. Since 1.20 its schema has no `models`, the only form in which gemini lists its
//!   models, and it reads a list of options as a whole, so one bad entry would lose the list. It would add ten packages for two
//!   calls.
//! - A session belongs to a directory, and programs remember each of them: see [`directory`].
//! - Requests of the program are refused, notifications and lines that are no JSON are skipped: see `json_rpc`. `conversation`
//!   bounds what is read; [`TIMEOUT`](super::TIMEOUT) bounds the time.

mod directory;
mod session;

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;
use serde_json::{Value, json};

use super::conversation::Conversation;
use super::json_rpc::{CallError, JsonRpc};
use super::launch::Launch;
use super::process::Program;
use super::{ModelSource, SourceError, supported};
use directory::Directory;
use session::NewSession;

/// ACP's code for a missing login.
const AUTHENTICATION_REQUIRED: i64 = -32000;

/// What distinguishes the agent programs.
#[derive(Clone, Copy, Debug)]
pub(super) struct AcpProgram {
    /// The arguments that start the agent.
    pub(super) arguments: &'static [&'static str],
    /// The arguments that log in. Without any, the program asks for the login when it is started by hand.
    pub(super) login: &'static str,
    /// Who makes the models, if it is always the same.
    pub(super) maker: Option<&'static str>,
    /// Whether a session without a list means that the program ignores a chosen model.
    pub(super) may_ignore_choice: bool,
}

impl AcpProgram {
    /// A program that is started with `arguments`, lists its models, and asks for a login when it is started by hand.
    pub(super) const fn new(arguments: &'static [&'static str]) -> Self {
        Self { arguments, login: "", maker: None, may_ignore_choice: false }
    }

    /// The source of the program's models.
    pub(super) fn source(self, launch: &Launch) -> Arc<dyn ModelSource> {
        Arc::new(Acp {
            program: launch.with(self.arguments.iter().copied()),
            launch: launch.clone(),
            kind: self,
        })
    }
}

/// An agent program that speaks ACP.
#[derive(Debug)]
struct Acp {
    program: Program,
    launch: Launch,
    kind: AcpProgram,
}

#[async_trait]
impl ModelSource for Acp {
    fn name(&self) -> &str {
        self.program.name()
    }

    fn query(&self) -> String {
        format!("{} (ACP)", self.program.command_line())
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let directory = Directory::open(&self.launch.environment).map_err(|error| {
            SourceError::NoDirectory { program: self.name().to_owned(), reason: error.kind() }
        })?;
        let session = self.new_session(&directory).await.map_err(|error| self.explain(error))?;
        let list = session.models(self.kind.maker);
        if !list.models.is_empty() {
            return supported(list.models).map_err(|_| self.program.invalid_output());
        }
        if list.is_broken {
            return Err(self.program.invalid_output());
        }
        if self.kind.may_ignore_choice {
            return Ok(ModelListResult { models: Vec::new(), supported: false, fallback: false });
        }
        Err(SourceError::NoModelList { program: self.name().to_owned() })
    }
}

impl Acp {
    async fn new_session(&self, directory: &Directory) -> Result<NewSession, CallError> {
        let program = self.program.clone().in_directory(directory.path().to_owned());
        let mut rpc = JsonRpc::new(Conversation::start(&program, Some(self.kind.login))?);
        let capabilities = json!({"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false});
        let client = json!({"name": "doorbell", "title": "Doorbell", "version": env!("CARGO_PKG_VERSION")});
        let initialize =
            json!({"protocolVersion": 1, "clientCapabilities": capabilities, "clientInfo": client});
        let _: Value = rpc.call("initialize", initialize).await?;
        rpc.call("session/new", json!({"cwd": directory.path(), "mcpServers": []})).await
    }

    fn explain(&self, error: CallError) -> SourceError {
        match error {
            CallError::Refused { code: AUTHENTICATION_REQUIRED } => {
                self.program.not_logged_in(self.kind.login)
            }
            CallError::Refused { code } => SourceError::Refused {
                program: self.name().to_owned(),
                code,
                command: self.program.command_line(),
            },
            CallError::InvalidResult => self.program.invalid_output(),
            CallError::Source(error) => error,
        }
    }
}

#[cfg(test)]
mod tests;
