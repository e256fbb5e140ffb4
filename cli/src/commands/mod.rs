//! What each command does.

mod agents;
mod ask;
mod bench;
mod cancel;
mod connect;
mod credentials;
mod daemon;
mod dev;
mod enrol;
mod error;
mod forget;
mod join;
mod login;
mod man;
mod questions;
mod resolve;
mod runtimes;
mod service;
mod signals;
mod status;
mod table;
mod token;
mod why;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::arguments::{Arguments, Command, Completions, Daemon};
use crate::output;
pub use error::CommandError;
pub use service::ServiceError;

/// Runs the command of `arguments`. Returns its exit code, which is a part of the answer of `doorbell daemon status`.
///
/// # Errors
/// [`CommandError`], which may have a hint. The exit code is 1.
pub async fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    match arguments.command {
        Command::Daemon(Daemon { service: Some(service), .. }) => service::run(service).await,
        command => run_to_end(command).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn run_to_end(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Dev(arguments) => signals::run_until_signal(|stop| dev::run(arguments, stop)).await,
        Command::Daemon(arguments) => signals::run_until_signal(|stop| daemon::run(arguments, stop)).await,
        Command::Join(arguments) => join::run(arguments).await,
        Command::Enrol(arguments) => enrol::run(arguments).await,
        Command::Login(arguments) => login::login(arguments).await,
        Command::Logout(_) => login::logout(),
        Command::Agents(arguments) => agents::run(arguments).await,
        Command::Runtimes(arguments) => runtimes::list(arguments).await,
        Command::Models(arguments) => runtimes::models(arguments).await,
        Command::Questions(arguments) => questions::run(arguments).await,
        Command::Ask(arguments) => ask::run(arguments).await,
        Command::Cancel(arguments) => cancel::run(arguments).await,
        Command::Forget(arguments) => forget::run(arguments).await,
        Command::Why(arguments) => why::run(arguments).await,
        Command::Bench(arguments) => signals::run_until_signal(|stop| bench::run(arguments, stop)).await,
        Command::Token(arguments) => token::run(arguments).await,
        Command::Completions(arguments) => {
            print_completions(&arguments);
            Ok(())
        }
        Command::Man(arguments) => man::run(&arguments),
    }
}

fn print_completions(arguments: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "doorbell", &mut script);
    output::raw(&script);
}
