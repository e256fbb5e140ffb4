//! `doorbell dev`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use doorbell_gateway::FunctionsUrl;

use super::daemon::Agents;
use super::origin::CorsOrigin;
use super::parsers::{interval, loopback};

#[derive(Debug, Args)]
#[command(after_help = "\
The tokens of `doorbell dev` are fixed and public, so it listens on loopback only:
  dbu_dev_a, dbd_dev_a, dba_dev_a   a user, a daemon and an administrator in workspace 00000000-0000-4000-8000-00000000000a
  dbu_dev_b, dbd_dev_b, dba_dev_b   the same in workspace 00000000-0000-4000-8000-00000000000b

Its daemon offers the agent programs on PATH: Claude Code, Codex, OpenCode, Gemini, Copilot and
others; `doorbell agents` lists them. Without any, it answers the questions of --config, or else
offers a sample of models.

Examples:
  doorbell dev
  doorbell dev --file models.json
  doorbell dev --addr 127.0.0.1:0 --no-daemon
  doorbell dev --no-push
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 doorbell dev --store dynamodb

With --functions, deployed functions answer: of a stack on AWS or LocalStack, of `sam local start-lambda`
or `cargo lambda watch`. Tokens are those of the stack's table, and no daemon is started. Calls are
signed on AWS, and elsewhere if AWS_ACCESS_KEY_ID is set:
  doorbell dev --functions 'http://127.0.0.1:4566/2015-03-31/functions/doorbell-{}/invocations'")]
pub struct Dev {
    /// Loopback address to listen on
    #[arg(long, default_value = "127.0.0.1:3000", value_parser = loopback)]
    pub addr: SocketAddr,

    /// Invoke deployed functions instead: the URL of Lambda's `Invoke` with {} in place of a function's name
    #[arg(
        long,
        value_name = "URL",
        // Settings of the functions, and of a daemon with a token of `doorbell dev`. `Command::conflict` adds --table.
        conflicts_with_all = [
            "store", "data", "no_token_limits", "interval", "config", "openai", "commands", "files", "no_detect",
        ]
    )]
    pub functions: Option<FunctionsUrl>,

    /// Allow http:// to functions on another machine, which sends tokens unencrypted
    #[arg(long, env = "DOORBELL_ALLOW_HTTP", value_parser = FalseyValueParser::new())]
    pub allow_http: bool,

    /// Store of requests and runtimes
    #[arg(long, value_enum, default_value_t = StoreKind::Embedded)]
    pub store: StoreKind,

    /// Table for `--store dynamodb`, created if it does not exist
    #[arg(long, env = "DOORBELL_TABLE", default_value = "doorbell")]
    pub table: String,

    /// File of the embedded store; if missing, created for access by its owner only [default: in memory]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// Origin of browser clients, such as http://localhost:8000 (repeatable); "*" for any, without credentials [default: none]
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    pub cors_origins: Vec<CorsOrigin>,

    /// Do not limit the rings and registrations of a token, for load tests
    #[arg(long)]
    pub no_token_limits: bool,

    /// Do not start a daemon
    #[arg(long, conflicts_with_all = ["interval", "config", "openai", "commands", "files", "no_detect"])]
    pub no_daemon: bool,

    /// Do not start the push channel: daemons send heartbeats only
    #[arg(long)]
    pub no_push: bool,

    /// Heartbeat interval of the daemon while it does not use the push channel, such as 15s or 500ms
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub interval: Duration,

    #[command(flatten)]
    pub agents: Agents,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// DynamoDB emulated in the process, behind the real SDK
    Embedded,
    /// A map in memory
    Memory,
    /// DynamoDB, configured by the AWS environment variables
    Dynamodb,
}

impl StoreKind {
    /// The value of the option.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Memory => "memory",
            Self::Dynamodb => "dynamodb",
        }
    }
}
