//! The token of a command.
//!
//! The environment is read by the command and not by clap: a file on the command line precedes a token in the environment.

use std::path::PathBuf;

use clap::Args;

use super::parsers::secret;
use crate::secret::Secret;

#[derive(Clone, Debug, Args)]
pub struct TokenArgs {
    /// The token; --token-file hides it from other users of this machine [env: DOORBELL_TOKEN]
    #[arg(long, value_parser = secret())]
    pub token: Option<Secret>,

    /// File with the token, or - for standard input [env: DOORBELL_TOKEN_FILE]
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
}
