//! `doorbell why`.

use clap::Args;
use doorbell_gateway::WORKSPACE_A;
use doorbell_protocol::{RequestId, RuntimeId, WorkspaceId};

use super::parsers::{request, runtime, workspace};
use super::table::TableArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Reads the table itself and changes no item; the file of an embedded store must be writable all the same. A request is kept \
after its last change for 2 minutes (model_list), 5 minutes (local_skills) or an hour (questions). A forgotten runtime is not \
listed: give --runtime to find its requests.

Examples:
  doorbell why 0193510a2b3c7d4e8f90a1b2c3d4e5f6 --workspace $WORKSPACE
  doorbell why 0193510a2b3c7d4e8f90a1b2c3d4e5f6 --workspace $WORKSPACE --runtime $RUNTIME --json
  doorbell why 0193510a2b3c7d4e8f90a1b2c3d4e5f6 --store embedded --data doorbell.db")]
pub struct Why {
    /// Id of the request, 32 hex digits
    #[arg(value_parser = request)]
    pub request: RequestId,

    /// Workspace of the request
    #[arg(long, env = "DOORBELL_WORKSPACE", value_name = "ID", default_value = WORKSPACE_A, value_parser = workspace)]
    pub workspace: WorkspaceId,

    /// Runtime of the request [default: search all that the workspace lists]
    #[arg(long, value_name = "ID", value_parser = runtime)]
    pub runtime: Option<RuntimeId>,

    #[command(flatten)]
    pub table: TableArgs,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
