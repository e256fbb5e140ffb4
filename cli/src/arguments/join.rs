//! `doorbell join`.

use clap::Args;

use super::parsers::daemon_id;
use super::server::Server;

#[derive(Debug, Args)]
#[command(after_help = "\
Redeems a code of `doorbell enrol` for a token that only this machine's daemon can use, and stores
the server, the workspace, the daemon id and the token in the state directory, in a file for its
owner only. `doorbell daemon` needs no options after it: it offers the agent programs on PATH, such
as Claude Code, Codex, OpenCode, Gemini and Copilot (`doorbell agents` lists them).

Examples:
  doorbell join K7QX-4M2N-9TBC-HW5R --url https://doorbell.example.com
  ssh build-7 doorbell join - --url https://doorbell.example.com < code")]
pub struct Join {
    /// The code, in any case, with or without hyphens; - reads it from standard input
    #[arg(value_name = "CODE", allow_hyphen_values = true)]
    pub code: String,

    #[command(flatten)]
    pub server: Server,

    /// Name of this machine; the ids of its runtimes depend on it [default: the host name and a random suffix, made once]
    #[arg(long, env = "DOORBELL_DAEMON_ID", value_name = "NAME", value_parser = daemon_id)]
    pub daemon_id: Option<String>,

    /// Name of this machine for display [default: the host name]
    #[arg(long, value_name = "NAME", value_parser = daemon_id)]
    pub device_name: Option<String>,

    /// Replace the enrolment of another server or workspace
    #[arg(long)]
    pub force: bool,
}
