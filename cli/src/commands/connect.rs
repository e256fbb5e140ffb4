//! The connection to the API.

use std::net::IpAddr;

use doorbell_client::Api;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::CommandError;
use crate::arguments::Server;

/// The API at `server` with `token`. Makes no call.
///
/// # Errors
/// As [`encrypted`].
pub(super) fn to_server(server: &Server, token: &str) -> Result<Api, CommandError> {
    encrypted(&server.url, server.allow_http, token)
}

/// The API at `url` with `token`. Makes no call.
///
/// # Errors
/// The token would cross the network unencrypted, and `allow_http` does not allow that.
pub(super) fn encrypted(url: &Url, allow_http: bool, token: &str) -> Result<Api, CommandError> {
    check_encrypted(url, allow_http)?;
    to(url, token)
}

/// Whether a token may be sent to `url`.
///
/// # Errors
/// As [`encrypted`].
pub(super) fn check_encrypted(url: &Url, allow_http: bool) -> Result<(), CommandError> {
    if url.scheme() != "https" && !is_loopback(url) && !allow_http {
        // Without user, password, path and query, which may hold secrets.
        return Err(CommandError::Unencrypted { origin: url.origin().ascii_serialization() });
    }
    Ok(())
}

/// The API at `url` with `token`. Makes no call.
pub(super) fn to(url: &Url, token: &str) -> Result<Api, CommandError> {
    HeaderValue::from_str(token).map_err(|_| CommandError::UnsendableToken)?;
    Ok(Api::new(http_client(url)?, url.clone(), token))
}

/// Without a proxy for loopback: the proxy of `HTTP_PROXY` cannot reach this machine's loopback addresses.
pub(super) fn http_client(url: &Url) -> reqwest::Result<Client> {
    let client = doorbell_client::http_client()?;
    if is_loopback(url) { Client::builder().redirect(Policy::none()).no_proxy().build() } else { Ok(client) }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse();
    host == "localhost" || ip.is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_loopback_hosts() {
        for url in ["http://127.0.0.1:3000", "http://127.9.9.9", "http://[::1]:3000", "http://localhost"] {
            assert!(is_loopback(&url.parse().unwrap()), "{url}");
        }
        for url in ["http://192.168.1.5:3000", "https://example.com", "http://[2001:db8::1]"] {
            assert!(!is_loopback(&url.parse().unwrap()), "{url}");
        }
    }
}
