//! `doorbell dev`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::HeaderValue;
use clap::{Args, ValueEnum};

use super::Agents;
use super::values::seconds;

/// `doorbell dev`.
#[derive(Debug, Args)]
#[command(after_help = "\
The tokens of `doorbell dev` are fixed and public, so it listens on loopback only:
  dbu_dev_a, dbd_dev_a   a person and a daemon in workspace 00000000-0000-4000-8000-00000000000a
  dbu_dev_b, dbd_dev_b   a person and a daemon in workspace 00000000-0000-4000-8000-00000000000b

Examples:
  doorbell dev
  doorbell dev --file models.json
  doorbell dev --addr 127.0.0.1:0 --no-daemon
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 doorbell dev --store dynamodb")]
pub struct Dev {
    /// Where to listen: a loopback address
    #[arg(long, default_value = "127.0.0.1:3000", value_parser = loopback)]
    pub addr: SocketAddr,

    /// Where to keep requests and runtimes
    #[arg(long, value_enum, default_value_t = StoreKind::Embedded)]
    pub store: StoreKind,

    /// The table, with `--store dynamodb`; made where it does not exist
    #[arg(long, env = "DOORBELL_TABLE", default_value = "doorbell")]
    pub table: String,

    /// Keep the embedded store in this file, so that it outlives the process
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// An origin of browser clients (may be given several times); "*" for any, without credentials [default: none]
    #[arg(long = "cors-origin", value_name = "ORIGIN")]
    pub cors_origins: Vec<HeaderValue>,

    /// Start no daemon
    #[arg(long, conflicts_with_all = ["interval", "config", "openai", "commands", "files", "no_detect"])]
    pub no_daemon: bool,

    /// Time between two beats of the daemon
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub interval: Duration,

    /// Which agents the daemon serves.
    #[command(flatten)]
    pub agents: Agents,
}

/// Where `doorbell dev` keeps things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// DynamoDB inside the process, behind the real SDK
    Embedded,
    /// Plain memory
    Memory,
    /// DynamoDB as the AWS environment variables say
    Dynamodb,
}

impl StoreKind {
    /// The name as it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Memory => "memory",
            Self::Dynamodb => "dynamodb",
        }
    }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.replacen("localhost:", "127.0.0.1:", 1);
    let addr: SocketAddr = numeric.parse().map_err(|_| "not an address such as 127.0.0.1:3000".to_owned())?;
    if addr.ip().is_loopback() {
        Ok(addr)
    } else {
        Err("the tokens of `doorbell dev` are public: use a loopback address such as 127.0.0.1:3000"
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_can_be_listened_on() {
        for addr in ["127.0.0.1:3000", "[::1]:0", "localhost:3000"] {
            assert!(loopback(addr).is_ok(), "{addr}");
        }
        for addr in ["0.0.0.0:3000", "192.168.1.5:3000", "[::]:3000", "example.com:80", "3000"] {
            assert!(loopback(addr).is_err(), "{addr}");
        }
    }
}
