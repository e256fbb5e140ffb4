//! `doorbell daemon`, and the agents and questions of a daemon.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use doorbell_daemon::agents;
use doorbell_protocol::WorkspaceId;

use super::credentials::TokenArgs;
use super::parsers::{daemon_id, interval, workspace};
use super::server::StoredServer;
use super::service::Service;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Finds agent programs on PATH, also those that are installed later: Claude Code, Codex, OpenCode,
Gemini, Copilot and others; `doorbell agents` lists them. Add more with options or in a TOML file:
  [[agent]]
  type = \"openai\"
  name = \"Ollama\"
  url = \"http://127.0.0.1:11434/v1\"
  api_key_env = \"OLLAMA_KEY\"
`api_key_env` names the variable with the server's key; `profile` tells agents of one type apart.

The same file declares questions, which programs of this machine answer:
  [[question]]
  name = \"load\"
  program = [\"uptime\"]
A machine without an agent program answers them as a runtime of the type `machine`, named after the
host. A change of the file takes effect when the daemon is started again.

`doorbell join` stores the server, the workspace, the daemon id and the token, so the daemon needs
no options after it. The token is the first of --token, --token-file, DOORBELL_TOKEN,
DOORBELL_TOKEN_FILE, $CREDENTIALS_DIRECTORY/doorbell-token (systemd), the stored one, and the public
one of `doorbell dev` on loopback. It needs the scope `daemon`.

Examples:
  doorbell join K7QX-4M2N-9TBC-HW5R --url https://doorbell.example.com
  doorbell daemon
  doorbell daemon --openai http://127.0.0.1:11434/v1
  doorbell daemon --config agents.toml --url https://doorbell.example.com \\
      --token-file /run/secrets/doorbell --workspace $WORKSPACE
  doorbell daemon install")]
pub struct Daemon {
    /// A command for the service of this machine. Without it the daemon runs here.
    #[command(subcommand)]
    pub service: Option<Service>,

    #[command(flatten)]
    pub server: StoredServer,

    #[command(flatten)]
    pub token: TokenArgs,

    /// Workspace of the runtimes [default: that of `doorbell join`, or that of `doorbell dev` on loopback]
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,

    /// Name of this machine; the ids of its runtimes depend on it [default: the host name and a random suffix, made once]
    #[arg(long, env = "DOORBELL_DAEMON_ID", value_name = "NAME", value_parser = daemon_id)]
    pub daemon_id: Option<String>,

    /// Heartbeat interval without push, such as 15s or 1m
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = interval)]
    pub interval: Duration,

    /// Do not connect to the push channel of the deployment, if it has one
    #[arg(long)]
    pub no_push: bool,

    /// End when the server has rejected the token for minutes, instead of trying every 5 minutes
    #[arg(long)]
    pub exit_on_auth_failure: bool,

    #[command(flatten)]
    pub agents: Agents,
}

/// The agents of a daemon.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Agents")]
pub struct Agents {
    /// TOML file with agents and questions
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Base URL of an OpenAI-compatible server, without `/models` (repeatable)
    #[arg(long, value_name = "URL")]
    pub openai: Vec<String>,

    /// Program that prints a JSON array of models (repeatable)
    #[arg(long = "command", value_name = "COMMAND")]
    pub commands: Vec<String>,

    /// File with a JSON array of models (repeatable)
    #[arg(long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Do not search PATH for agent programs
    #[arg(long)]
    pub no_detect: bool,
}

impl From<Agents> for agents::Options {
    fn from(agents: Agents) -> Self {
        let Agents { config, openai, commands, files, no_detect } = agents;
        Self { config, openai, commands, files, detect: !no_detect }
    }
}
