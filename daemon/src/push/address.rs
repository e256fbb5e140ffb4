//! Where the push channel is.

use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

/// Open in networks that allow HTTPS only, and one of IoT Core's two ports for MQTT with a custom authorizer (AWS, "Device
/// communication protocols").
const DEFAULT_PORT: u16 = 443;

/// A URL `mqtts://host[:port]`, or `mqtt://host[:port]` of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushAddress {
    /// `https` stands for `mqtts`: proxies are chosen by the schemes of HTTP.
    uri: Uri,
    host: String,
    is_encrypted: bool,
}

impl PushAddress {
    /// Without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether the connection uses TLS.
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Host and port in the form that connectors of HTTP take.
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }
}

/// Why the server's URL of the push channel is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPushUrl {
    /// Another scheme, no host, or more than host and port.
    #[error("the server names {0:?}, which is not mqtts://host:port")]
    Malformed(String),
    /// No TLS, and another machine.
    #[error("the server names {0:?}, to which the token would be sent unencrypted")]
    Unencrypted(String),
}

impl FromStr for PushAddress {
    type Err = InvalidPushUrl;

    fn from_str(url: &str) -> Result<Self, InvalidPushUrl> {
        let malformed = || InvalidPushUrl::Malformed(url.to_owned());
        let parsed: Uri = url.parse().map_err(|_| malformed())?;
        let is_encrypted = match parsed.scheme_str() {
            Some("mqtts") => true,
            Some("mqtt") => false,
            _ => return Err(malformed()),
        };
        let authority = parsed.authority().ok_or_else(malformed)?;
        let has_more =
            authority.as_str().contains('@') || parsed.query().is_some() || parsed.path().len() > 1;
        if has_more || authority.host().is_empty() {
            return Err(malformed());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if !is_encrypted && !is_loopback(&host) {
            return Err(InvalidPushUrl::Unencrypted(url.to_owned()));
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => DEFAULT_PORT,
            // `Authority` has no port where it is too large.
            _ => authority.port_u16().ok_or_else(malformed)?,
        };
        let uri = format!("https://{}:{port}", authority.host()).parse().map_err(|_| malformed())?;
        Ok(Self { uri, host, is_encrypted })
    }
}

/// RFC 6761, section 6.3: `localhost` is a loopback address.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<(String, String, bool), InvalidPushUrl> {
        let address: PushAddress = url.parse()?;
        Ok((address.uri().to_string(), address.host().to_owned(), address.is_encrypted()))
    }

    #[test]
    fn port_is_443_unless_named() {
        for (url, uri, host, is_encrypted) in [
            ("mqtts://push.example.com", "https://push.example.com:443/", "push.example.com", true),
            ("mqtts://push.example.com:8883/", "https://push.example.com:8883/", "push.example.com", true),
            ("mqtts://[2001:db8::1]:8883", "https://[2001:db8::1]:8883/", "2001:db8::1", true),
            ("mqtt://127.0.0.1:1883", "https://127.0.0.1:1883/", "127.0.0.1", false),
            ("mqtt://[::1]:1883", "https://[::1]:1883/", "::1", false),
            ("mqtt://localhost:1883", "https://localhost:1883/", "localhost", false),
        ] {
            assert_eq!(parsed(url), Ok((uri.to_owned(), host.to_owned(), is_encrypted)));
        }
    }

    #[test]
    fn unencrypted_address_is_on_this_machine() {
        for url in ["mqtt://push.example.com:1883", "mqtt://10.0.0.1:1883", "mqtt://localhost.example.com"] {
            assert_eq!(parsed(url), Err(InvalidPushUrl::Unencrypted(url.to_owned())));
        }
    }

    #[test]
    fn other_urls_are_malformed() {
        for url in [
            "",
            "push.example.com:443",
            "https://push.example.com",
            "mqtts://",
            "mqtts://:443",
            "mqtts://push.example.com:99999",
            "mqtts://user:password@push.example.com",
            "mqtts://user:password@push.example.com:443",
            "mqtts://push.example.com/path",
            "mqtts://push.example.com?query",
            "mqtts://push example.com",
        ] {
            assert_eq!(parsed(url), Err(InvalidPushUrl::Malformed(url.to_owned())));
        }
    }
}
