//! What can be typed. Defaults of the client commands are what `doorbell dev` serves.

mod token;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::builder::{NonEmptyStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use doorbell_daemon::agents;
use doorbell_shared::id::WorkspaceId;
use reqwest::Url;
use tracing_subscriber::filter::LevelFilter;

use crate::gateway::{DAEMON_A, USER_A, WORKSPACE_A};

pub use token::{Token, TokenAction, TokenCreate, TokenList, TokenRevoke, TokenStoreKind, TokenTable};

const DEV_URL: &str = "http://127.0.0.1:3000";

/// Ring a machine behind NAT; it answers on its next heartbeat.
#[derive(Debug, Parser)]
#[command(name = "doorbell", version, about, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Say more on standard error (-vv for still more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

const EXAMPLES: &str = "\
Examples:
  doorbell dev                  serve the API here, and ask this machine for its models
  doorbell daemon               let this machine be rung
  doorbell runtimes             what can be rung
  doorbell models Codex         which models can it run?";

impl Arguments {
    /// How much is logged. A daemon says what it does; the others say only what goes wrong.
    pub fn log_level(&self) -> LevelFilter {
        let quiet = !matches!(self.command, Command::Daemon(_));
        match self.verbose + u8::from(!quiet) {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            _ => LevelFilter::DEBUG,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API on this machine, start a daemon for it, and ask it for its models
    Dev(Dev),
    /// Make this machine's agent programs known, and answer when they are rung
    Daemon(Daemon),
    /// List what can be rung
    Runtimes(Runtimes),
    /// Ring a runtime and show the models it can run
    Models(Models),
    /// Make, list and revoke the tokens that people and daemons call with
    Token(Token),
}

/// `doorbell dev`.
#[derive(Debug, Args)]
#[command(after_help = "\
The tokens of `doorbell dev` are fixed and public, so it listens on loopback only:
  dbu_dev_a, dbd_dev_a   a person and a daemon in workspace 00000000-0000-4000-8000-00000000000a
  dbu_dev_b, dbd_dev_b   a person and a daemon in workspace 00000000-0000-4000-8000-00000000000b

Examples:
  doorbell dev
  doorbell dev --file models.json
  doorbell dev --addr 127.0.0.1:0 --no-daemon
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 doorbell dev --store dynamodb")]
pub struct Dev {
    /// Where to listen: a loopback address
    #[arg(long, default_value = "127.0.0.1:3000", value_parser = loopback)]
    pub addr: SocketAddr,

    /// Where to keep requests and runtimes
    #[arg(long, value_enum, default_value_t = StoreKind::Embedded)]
    pub store: StoreKind,

    /// The table, with `--store dynamodb`; made where it does not exist
    #[arg(long, env = "DOORBELL_TABLE", default_value = "doorbell")]
    pub table: String,

    /// Keep the embedded store in this file, so that it outlives the process
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// An origin of browser clients (may be given several times); "*" for any, without credentials [default: none]
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    pub cors_origins: Vec<HeaderValue>,

    /// Start no daemon
    #[arg(long, conflicts_with_all = ["interval", "config", "openai", "commands", "files", "no_detect"])]
    pub no_daemon: bool,

    /// Time between two beats of the daemon
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub interval: Duration,

    /// Which agents the daemon serves.
    #[command(flatten)]
    pub agents: Agents,
}

/// Where `doorbell dev` keeps things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// DynamoDB inside the process, behind the real SDK
    Embedded,
    /// Plain memory
    Memory,
    /// DynamoDB as the AWS environment variables say
    Dynamodb,
}

impl StoreKind {
    /// The name as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Memory => "memory",
            Self::Dynamodb => "dynamodb",
        }
    }
}

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

/// `doorbell runtimes`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell runtimes
  doorbell runtimes --json")]
pub struct Runtimes {
    /// Where Doorbell is, and who asks.
    #[command(flatten)]
    pub person: Person,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

/// `doorbell models`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell models Codex
  doorbell models 7b1d4e0c-9a39-5e4e-8a0e-2f1d3c5b7a90 --json")]
pub struct Models {
    /// An id, or a name if only one runtime is so named
    pub runtime: String,

    /// Where Doorbell is, and who asks.
    #[command(flatten)]
    pub person: Person,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}

/// Where Doorbell is, and who asks.
#[derive(Debug, Args)]
pub struct Person {
    /// Where Doorbell is
    #[arg(long, env = "DOORBELL_URL", default_value = DEV_URL, value_parser = server)]
    pub url: Url,

    /// A token with scope `user`
    #[arg(long, env = "DOORBELL_TOKEN", hide_env_values = true, default_value = USER_A.token, value_parser = token())]
    pub token: String,

    /// Only this workspace [default: all that the token is in]
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if (Duration::from_millis(100)..=DAY).contains(&duration) => Ok(duration),
        _ => Err("at least 0.1 seconds and at most a day".to_owned()),
    }
}

fn server(text: &str) -> Result<Url, String> {
    let url = text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| format!("not an http:// or https:// URL such as {DEV_URL}"))
}

/// Not empty, and without the line's end that comes along from a file.
fn token() -> impl TypedValueParser<Value = String> {
    NonEmptyStringValueParser::new().map(|token| token.trim().to_owned())
}

fn workspace(text: &str) -> Result<WorkspaceId, String> {
    text.parse().map_err(|_| format!("not an id such as {WORKSPACE_A}, in lower case"))
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    let addr: SocketAddr = numeric.parse().map_err(|_| "not an address such as 127.0.0.1:3000".to_owned())?;
    if addr.ip().is_loopback() {
        Ok(addr)
    } else {
        Err("the tokens of `doorbell dev` are public: use a loopback address such as 127.0.0.1:3000"
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn only_loopback_can_be_listened_on() {
        for addr in ["127.0.0.1:3000", "[::1]:0", "localhost:3000"] {
            assert!(loopback(addr).is_ok(), "{addr}");
        }
        for addr in ["0.0.0.0:3000", "192.168.1.5:3000", "[::]:3000", "example.com:80", "3000"] {
            assert!(loopback(addr).is_err(), "{addr}");
        }
    }
}
