//! `doorbell questions`.

use clap::Args;

use super::client::ClientArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
The owner of a machine declares its questions in the daemon's configuration. Every runtime also answers the built-in kinds. \
ARGS lists the members of the arguments, those in brackets are optional.

Examples:
  doorbell questions Codex
  doorbell questions Codex --json")]
pub struct Questions {
    /// An id, or a unique name or type, in any case
    pub runtime: String,

    #[command(flatten)]
    pub client: ClientArgs,

    /// Print JSON with the schemas of arguments and results
    #[arg(long)]
    pub json: bool,
}
