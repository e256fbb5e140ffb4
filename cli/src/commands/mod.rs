//! What the commands do.

mod advice;
mod connect;
mod daemon;
mod dev;
mod models;
mod runtimes;
mod sample;
mod stop;
mod token;

use doorbell_client::ApiError;
use doorbell_daemon::agents::AgentsError;
use doorbell_functions::auth::oidc::SetupError;
use doorbell_protocol::InvalidId;
use doorbell_shared::store::StoreError;

use crate::arguments::{Arguments, Command};
use doorbell_client::AskError;

pub use token::expiry;

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
    /// The embedded engine does not start.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StoreError),
    /// DynamoDB cannot be reached, or does not let us.
    #[error("the table cannot be used: {0}")]
    Table(#[source] StoreError),
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {addr}: {source}")]
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
    /// An address of ours makes no URL.
    #[error("no URL can be made of {0}")]
    Address(std::net::SocketAddr),
    /// A workspace of ours has no id.
    #[error("no workspace: {0}")]
    Workspace(#[from] InvalidId),
    /// No header can hold it.
    #[error("the token holds characters that cannot be sent")]
    UnsendableToken,
    /// Nothing is called that.
    #[error("no runtime is called {name:?}")]
    NoSuchName {
        /// What was typed.
        name: String,
        /// What may have been meant.
        similar: Option<String>,
    },
    /// Several are called that.
    #[error("{} runtimes are called {name:?}", candidates.len())]
    AmbiguousName {
        /// What was typed.
        name: String,
        /// Those so called, by id.
        candidates: Vec<String>,
    },
    /// The sign-in of people is not configured right.
    #[error(transparent)]
    SignIn(#[from] SetupError),
    /// An embedded store in memory is another process's.
    #[error("the embedded store of `doorbell dev` can be reached only through its file")]
    NoData,
    /// Nothing is named so.
    #[error("no token of the workspace has that id")]
    NoSuchToken,
    /// Several begin so.
    #[error("several tokens have an id that begins so")]
    AmbiguousToken,
    /// Somebody pressed Ctrl-C once more.
    #[error("interrupted before this machine had signed off; it is shown as online for a while")]
    Interrupted,
}

/// Runs what was typed.
pub async fn run(arguments: Arguments) -> Result<(), CommandError> {
    match arguments.command {
        Command::Dev(arguments) => stop::on_signal(|stop| dev::run(arguments, stop)).await,
        Command::Daemon(arguments) => stop::on_signal(|stop| daemon::run(arguments, stop)).await,
        Command::Runtimes(arguments) => runtimes::run(arguments).await,
        Command::Models(arguments) => models::run(arguments).await,
        Command::Token(arguments) => token::run(arguments).await,
    }
}
