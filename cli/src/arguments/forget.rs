//! `doorbell forget`.

use clap::Args;

use super::client::ClientArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
A daemon that still serves the runtime registers it again with its next heartbeat: stop the daemon first.

Examples:
  doorbell forget \"Old laptop\"
  doorbell forget 7b1d4e0c-9a39-5e4e-8a0e-2f1d3c5b7a90")]
pub struct Forget {
    /// An id, or a unique name, in any case; never a type
    pub runtime: String,

    #[command(flatten)]
    pub client: ClientArgs,
}
