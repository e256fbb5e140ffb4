//! `doorbell login` and `doorbell logout`.

use std::path::PathBuf;

use clap::Args;
use doorbell_protocol::WorkspaceId;

use super::parsers::workspace;
use super::server::Server;

#[derive(Debug, Args)]
#[command(after_help = "\
Checks a token with scope `user`, and stores it with the server in the state directory, in a file for its owner only. The
commands that call the API use it when they have no token of their own. Without --token-file, a terminal prompts for the token.

Examples:
  doorbell login --url https://doorbell.example.com
  pass show doorbell | doorbell login --url https://doorbell.example.com --token-file -")]
pub struct Login {
    #[command(flatten)]
    pub server: Server,

    /// File with the token, or - for standard input [default: a prompt]
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Show only this workspace [default: all workspaces of the token]
    #[arg(long, value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Removes what `doorbell login` stored. The token stays valid until it is revoked.

Examples:
  doorbell logout")]
pub struct Logout {}
