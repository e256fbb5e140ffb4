//! `doorbell enrol`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use doorbell_protocol::WorkspaceId;

use super::credentials::TokenArgs;
use super::parsers::{code_lifetime, workspace};
use super::server::StoredServer;

#[derive(Debug, Args)]
#[command(after_help = "\
Prints a code with which one machine joins the workspace: `doorbell join`. The code works once. A terminal shows the command
as a QR code, too. The token needs the scope `admin`, and is that of `doorbell dev` on loopback; `doorbell login` stores none.

Examples:
  doorbell enrol
  doorbell enrol --workspace $WORKSPACE --subject \"build machine 7\" --expires 1h
  doorbell enrol --workspace $WORKSPACE --json | jq -r .code")]
pub struct Enrol {
    #[command(flatten)]
    pub server: StoredServer,

    #[command(flatten)]
    pub token: TokenArgs,

    /// Workspace that the machine joins [default: that of `doorbell login`, or that of `doorbell dev` on loopback]
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", value_parser = workspace)]
    pub workspace: Option<WorkspaceId>,

    /// Owner of the machine's token, for lists and logs [default: the daemon id]
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub subject: Option<String>,

    /// Lifetime of the code, 1m to 1h
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = code_lifetime)]
    pub expires: i64,

    /// Print the API's JSON
    #[arg(long)]
    pub json: bool,
}
