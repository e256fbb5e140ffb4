//! `doorbell daemon`, and which agents a daemon serves.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use doorbell_daemon::agents;
use doorbell_protocol::WorkspaceId;
use reqwest::Url;

use super::values::{DEV_URL, seconds, server, token, workspace};
use doorbell_gateway::{DAEMON_A, WORKSPACE_A};

/// `doorbell daemon`.
#[derive(Debug, Args)]
#[command(after_help = "\
Looks for codex and opencode on PATH. Others are named by flags or in a TOML file:
  [[agent]]
  type = \"openai\"
  name = \"Ollama\"
  url = \"http://127.0.0.1:11434/v1\"

Examples:
  doorbell daemon
  doorbell daemon --openai http://127.0.0.1:11434/v1
  doorbell daemon --config agents.toml --url https://doorbell.example.com")]
pub struct Daemon {
    /// Where Doorbell is
    #[arg(long, env = "DOORBELL_URL", default_value = DEV_URL, value_parser = server)]
    pub url: Url,

    /// A token with scope `daemon`
    #[arg(long, env = "DOORBELL_TOKEN", hide_env_values = true, default_value = DAEMON_A.token, value_parser = token())]
    pub token: String,

    /// The workspace that the runtimes belong to
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", default_value = WORKSPACE_A, value_parser = workspace)]
    pub workspace: WorkspaceId,

    /// What this machine is called; ids of runtimes follow from it [default: the host name]
    #[arg(long, value_name = "NAME")]
    pub daemon_id: Option<String>,

    /// Time between two beats
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    pub interval: Duration,

    /// Which agents it serves.
    #[command(flatten)]
    pub agents: Agents,
}

/// Which agents a daemon serves.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Agents")]
pub struct Agents {
    /// A TOML file that names agents
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// An OpenAI-compatible server, by the URL that `/models` follows (may be given several times)
    #[arg(long, value_name = "URL")]
    pub openai: Vec<String>,

    /// A program that prints a JSON array of models (may be given several times)
    #[arg(long = "command", value_name = "COMMAND")]
    pub commands: Vec<String>,

    /// A file that holds a JSON array of models (may be given several times)
    #[arg(long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Do not look for agent programs on PATH
    #[arg(long)]
    pub no_detect: bool,
}

impl From<Agents> for agents::Options {
    fn from(agents: Agents) -> Self {
        let Agents { config, openai, commands, files, no_detect } = agents;
        Self { config, openai, commands, files, detect: !no_detect }
    }
}
