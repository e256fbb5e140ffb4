//! `doorbell cancel`.

use clap::Args;
use doorbell_protocol::RequestId;

use super::client::ClientArgs;
use super::parsers::request;

#[derive(Debug, Args)]
#[command(after_help = "\
An open request becomes failed with the error \"cancelled\", and its daemon ends the work. An ended request stays as it is.

Examples:
  doorbell cancel 0193510a2b3c7d4e8f90a1b2c3d4e5f6
  doorbell cancel 0193510a2b3c7d4e8f90a1b2c3d4e5f6 --runtime Codex --json")]
pub struct Cancel {
    /// Id of the request, 32 hex digits
    #[arg(value_parser = request)]
    pub request: RequestId,

    /// Runtime of the request: an id, or a unique name or type [default: search all that are listed]
    #[arg(long)]
    pub runtime: Option<String>,

    #[command(flatten)]
    pub client: ClientArgs,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}
