//! The API that a command calls.

use clap::Args;
use clap::builder::FalseyValueParser;
use reqwest::Url;

use super::parsers::{DEV_URL, server_url};

#[derive(Clone, Debug, Args)]
pub struct Server {
    /// URL of the Doorbell API
    #[arg(long, env = "DOORBELL_URL", default_value = DEV_URL, value_parser = server_url)]
    pub url: Url,

    /// Allow http:// to another machine, which sends the token unencrypted
    #[arg(long, env = "DOORBELL_ALLOW_HTTP", value_parser = FalseyValueParser::new())]
    pub allow_http: bool,
}
