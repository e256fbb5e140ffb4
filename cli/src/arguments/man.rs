//! `doorbell man`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  doorbell man ~/.local/share/man/man1
  doorbell man man && man man/doorbell-daemon.1")]
pub struct Man {
    /// Where to write the pages; created if it does not exist
    #[arg(value_name = "DIRECTORY")]
    pub directory: PathBuf,
}
