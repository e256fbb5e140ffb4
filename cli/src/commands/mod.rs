//! What the commands do.

mod daemon;
mod dev;
mod models;
mod runtimes;
mod stop;

use doorbell_daemon::agents::AgentsError;
use doorbell_daemon::api::{self, Api, ApiError};
use doorbell_shared::store::StoreError;

use crate::arguments::{Arguments, Command, Person};
use crate::client::AskError;

/// Why a command failed, for the person who typed it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Doorbell said no, or cannot be reached.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A ring was not answered.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The agents are not configured right.
    #[error(transparent)]
    Agents(#[from] AgentsError),
    /// The store cannot be used.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {addr}: {source}; choose another address with --addr")]
    Listen {
        /// What was tried.
        addr: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// No HTTP client can be made.
    #[error("no HTTP client can be made: {0}")]
    Http(#[from] reqwest::Error),
    /// Nothing is called that.
    #[error("no runtime is called {0:?}; `doorbell runtimes` lists them")]
    NoSuchName(String),
    /// Several are called that.
    #[error("{} runtimes are called {name:?}; give the id instead:\n{}", ids.len(), ids.join("\n"))]
    AmbiguousName {
        /// What was typed.
        name: String,
        /// The ids of those so called.
        ids: Vec<String>,
    },
}

/// Runs what was typed.
pub async fn run(arguments: Arguments) -> Result<(), CommandError> {
    match arguments.command {
        Command::Dev(arguments) => dev::run(arguments).await,
        Command::Daemon(arguments) => daemon::run(arguments).await,
        Command::Runtimes(arguments) => runtimes::run(arguments).await,
        Command::Models(arguments) => models::run(arguments).await,
    }
}

fn api(person: &Person) -> Result<Api, CommandError> {
    Ok(Api::new(api::http_client()?, person.url.clone(), &person.token))
}
