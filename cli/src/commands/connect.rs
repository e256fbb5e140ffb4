//! Doorbell at a URL, as seen with a token.

use std::net::IpAddr;

use doorbell_client::Api;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::CommandError;

/// Makes no call. Errors when the token cannot be sent in a header.
pub(super) fn to(url: &Url, token: &str) -> Result<Api, CommandError> {
    HeaderValue::from_str(token).map_err(|_| CommandError::UnsendableToken)?;
    Ok(Api::new(http(url)?, url.clone(), token))
}

/// What listens on this machine is out of reach of a proxy, which `HTTP_PROXY` may well name.
fn http(url: &Url) -> reqwest::Result<Client> {
    let client = doorbell_client::http_client()?;
    match is_loopback(url) {
        true => Client::builder().redirect(Policy::none()).no_proxy().build(),
        false => Ok(client),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse();
    host == "localhost" || ip.is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        let is_here = |url: &str| is_loopback(&url.parse().unwrap());
        for url in ["http://127.0.0.1:3000", "http://127.9.9.9", "http://[::1]:3000", "http://localhost"] {
            assert!(is_here(url), "{url}");
        }
        for url in ["http://192.168.1.5:3000", "https://example.com", "http://[2001:db8::1]"] {
            assert!(!is_here(url), "{url}");
        }
    }
}
