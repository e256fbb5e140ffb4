//! The command line. The defaults of the client commands match `doorbell dev`.

mod agents;
mod ask;
mod bench;
mod cancel;
mod client;
mod credentials;
mod daemon;
mod dev;
mod enrol;
mod forget;
mod join;
mod login;
mod man;
mod origin;
mod parsers;
mod questions;
mod request_args;
mod server;
mod service;
mod table;
mod token;
mod why;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;
use tracing_subscriber::filter::LevelFilter;

pub use agents::ListAgents;
pub use ask::{Ask, Target};
pub use bench::Bench;
pub use cancel::Cancel;
pub use client::{ClientArgs, Models, Runtimes};
pub use credentials::TokenArgs;
pub use daemon::{Agents, Daemon};
pub use dev::{Dev, StoreKind};
pub use enrol::Enrol;
pub use forget::Forget;
pub use join::Join;
pub use login::{Login, Logout};
pub use man::Man;
pub use origin::{CorsOrigin, InvalidOrigin};
pub use questions::Questions;
pub use server::{Server, StoredServer};
pub use service::{Install, Level, Logs, Service, ServiceStatus};
pub use table::{TableArgs, TableStoreKind};
pub use token::{AdminArgs, Token, TokenAction, TokenCreate, TokenList, TokenRevoke};
pub use why::Why;

/// Ring a machine behind NAT; it answers on its next heartbeat.
#[derive(Debug, Parser)]
#[command(name = "doorbell", version, about, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,

    /// Increase log verbosity (-v, -vv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

const EXAMPLES: &str = "\
Examples:
  doorbell dev                  serve the API on this machine and list its models
  doorbell daemon               register this machine's agent programs and answer rings
  doorbell enrol                create a code with which a machine joins
  doorbell join <code> --url https://doorbell.example.com
                                connect this machine with the code
  doorbell agents               show what the agent programs of this machine answer
  doorbell runtimes             list the runtimes
  doorbell models codex         list the models of a runtime
  doorbell questions codex      list what else a runtime answers
  doorbell ask codex disk_usage --wait
                                ask a runtime and print the answer
  doorbell why <request>        show the history of a request";

impl Arguments {
    /// The command line of this process. Prints a usage error and ends the process with 2.
    pub fn of_process() -> Self {
        let matches = Self::command().get_matches();
        let arguments = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let mut command = Self::command();
        command.build();
        if let Some((name, message)) = arguments.command.conflict(&matches)
            && let Some(command) = command.find_subcommand_mut(name)
        {
            command.error(ErrorKind::ArgumentConflict, message).exit();
        }
        arguments
    }

    /// The daemon logs what it does, and `token` the tokens that it creates and revokes. The other commands log only problems.
    pub fn log_level(&self) -> LevelFilter {
        let logs_events = matches!(self.command, Command::Daemon(_) | Command::Token(_));
        match self.verbose + u8::from(logs_events) {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            _ => LevelFilter::DEBUG,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API on this machine, start a daemon, and list its models
    Dev(Dev),
    /// Register this machine's agent programs and answer rings
    Daemon(Daemon),
    /// Connect this machine with a code of `doorbell enrol`
    Join(Join),
    /// Create a code with which a machine joins a workspace
    Enrol(Enrol),
    /// Store a user's token
    Login(Login),
    /// Remove the token that `doorbell login` stored
    Logout(Logout),
    /// Show the agent programs of this machine and what they answer
    Agents(ListAgents),
    /// List the runtimes
    Runtimes(Runtimes),
    /// List the models of a runtime
    Models(Models),
    /// List the kinds of requests that a runtime answers
    Questions(Questions),
    /// Ask a runtime, or all of them
    Ask(Ask),
    /// Cancel a request
    Cancel(Cancel),
    /// Remove a runtime from the list
    Forget(Forget),
    /// Show who rang, claimed and reported a request, and which deadline ended it
    Why(Why),
    /// Measure a running Doorbell under load
    Bench(Bench),
    /// Create, list and revoke the tokens of users and daemons
    Token(Token),
    /// Print a completion script for a shell
    Completions(Completions),
    /// Write the man pages of all commands into a directory
    Man(Man),
}

impl Command {
    /// The name of a command with options that exclude each other in a way that clap does not know, and what to say: with a single
    /// value of an option, or with an option that an environment variable may set for other commands.
    fn conflict(&self, matches: &ArgMatches) -> Option<(&'static str, &'static str)> {
        const DATA: &str = "the argument '--data <FILE>' needs '--store embedded'";
        const TABLE: &str = "the argument '--functions <URL>' cannot be used with '--table <TABLE>'";
        match self {
            Self::Dev(dev) if dev.functions.is_some() => {
                let dev = matches.subcommand_matches("dev")?;
                (dev.value_source("table") == Some(ValueSource::CommandLine)).then_some(("dev", TABLE))
            }
            Self::Dev(dev) if dev.data.is_some() && dev.store != StoreKind::Embedded => Some(("dev", DATA)),
            Self::Token(token) => token.table.ignores_data().then_some(("token", DATA)),
            Self::Why(why) => why.table.ignores_data().then_some(("why", DATA)),
            _ => None,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  doorbell completions bash > ~/.local/share/bash-completion/completions/doorbell
  doorbell completions zsh > ~/.zfunc/_doorbell")]
pub struct Completions {
    /// The shell that reads the script
    pub shell: Shell,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
