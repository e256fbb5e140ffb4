//! What can be typed. Defaults of the client commands are what `doorbell dev` serves.

mod bench;
mod daemon;
mod dev;
mod person;
mod token;
mod values;

use clap::{Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

pub use bench::Bench;
pub use daemon::{Agents, Daemon};
pub use dev::{Dev, StoreKind};
pub use person::{Models, Person, Runtimes};
pub use token::{Token, TokenAction, TokenCreate, TokenList, TokenRevoke, TokenStoreKind, TokenTable};

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
    /// Measure a running Doorbell under load
    Bench(Bench),
    /// Make, list and revoke the tokens that people and daemons call with
    Token(Token),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
