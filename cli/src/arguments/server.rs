//! The API that a command calls.

use clap::Args;
use clap::builder::FalseyValueParser;
use reqwest::Url;

use super::parsers::{DEV_URL, server_url};

/// A server of which nothing is stored.
#[derive(Clone, Debug, Args)]
pub struct Server {
    /// URL of the Doorbell API
    #[arg(long, env = "DOORBELL_URL", default_value = DEV_URL, value_parser = server_url)]
    pub url: Url,

    /// Allow http:// to another machine, which sends the token unencrypted
    #[arg(long, env = "DOORBELL_ALLOW_HTTP", value_parser = FalseyValueParser::new())]
    pub allow_http: bool,
}

/// A server, or the stored one.
#[derive(Clone, Debug, Args)]
pub struct StoredServer {
    /// URL of the Doorbell API [default: that of `doorbell join` or `doorbell login`, or http://127.0.0.1:3000]
    #[arg(long, env = "DOORBELL_URL", value_parser = server_url)]
    pub url: Option<Url>,

    /// Allow http:// to another machine, which sends the token unencrypted
    #[arg(long, env = "DOORBELL_ALLOW_HTTP", value_parser = FalseyValueParser::new())]
    pub allow_http: bool,
}

impl StoredServer {
    /// The address of `doorbell dev`, which is used when no URL is given or stored.
    pub fn dev() -> Option<Url> {
        DEV_URL.parse().ok()
    }
}
