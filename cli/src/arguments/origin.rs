//! Origins of browser clients.

use std::str::FromStr;

use axum::http::HeaderValue;
use reqwest::Url;

/// A value of `--cors-origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigin {
    /// `*`
    Any,
    /// Scheme, host and port as browsers send them in the header `Origin`.
    Named(HeaderValue),
}

/// The value is not an origin. The text has a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigin {
    #[error("not an origin such as https://app.example.com or http://localhost:8000")]
    NotAnOrigin,
    #[error("an origin ends after host and port: use {0}")]
    TooLong(String),
    #[error("an origin has no user name or password: use {0}")]
    HasUser(String),
    #[error("an origin has no wildcard: list each origin, or allow any with \"*\"")]
    Wildcard,
    /// A page opened from a file.
    #[error("pages without a server have no origin of their own: serve the page over HTTP")]
    Opaque,
}

impl FromStr for CorsOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text == "null" || text.starts_with("file:") {
            return Err(InvalidOrigin::Opaque);
        }
        let (_, rest) = text.split_once("://").ok_or(InvalidOrigin::NotAnOrigin)?;
        if text.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
            return Err(InvalidOrigin::NotAnOrigin);
        }
        if rest.contains('*') {
            return Err(InvalidOrigin::Wildcard);
        }
        let url: Url = text.parse().map_err(|_| InvalidOrigin::NotAnOrigin)?;
        let origin = serialize(&url).ok_or(InvalidOrigin::NotAnOrigin)?;
        if !url.username().is_empty() || url.password().is_some() || rest.contains('@') {
            return Err(InvalidOrigin::HasUser(origin));
        }
        if rest.contains(['/', '?', '#', '\\']) {
            return Err(InvalidOrigin::TooLong(origin));
        }
        HeaderValue::try_from(origin).map(Self::Named).map_err(|_| InvalidOrigin::NotAnOrigin)
    }
}

/// In lower case, the host in ASCII, without the scheme's default port (HTML, "Serialization of an origin"). Not
/// [`Url::origin`], which is opaque for browser extensions, although browsers send their origins in this form.
fn serialize(url: &Url) -> Option<String> {
    let host = url.host_str().filter(|host| !host.is_empty())?.to_lowercase();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}://{host}{port}", url.scheme()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> String {
        match text.parse() {
            Ok(CorsOrigin::Named(origin)) => origin.to_str().unwrap().to_owned(),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn error(text: &str) -> String {
        text.parse::<CorsOrigin>().unwrap_err().to_string()
    }

    #[test]
    fn origin_is_spelled_as_browsers_send_it() {
        for (text, sent) in [
            ("https://app.example.com", "https://app.example.com"),
            ("http://localhost:8000", "http://localhost:8000"),
            ("HTTPS://App.Example.COM", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://app.example.com:80", "http://app.example.com"),
            ("https://app.example.com:80", "https://app.example.com:80"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://[::0001]:8000", "http://[::1]:8000"),
            ("http://127.1:8000", "http://127.0.0.1:8000"),
            ("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop"),
        ] {
            assert_eq!(named(text), sent, "{text}");
        }
        assert_eq!("*".parse(), Ok(CorsOrigin::Any));
    }

    #[test]
    fn text_after_port_has_remedy() {
        for text in [
            "https://App.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?query",
            "https://app.example.com#fragment",
            "https://app.example.com\\path",
        ] {
            let expected = "an origin ends after host and port: use https://app.example.com";
            assert_eq!(error(text), expected, "{text}");
        }
    }

    #[test]
    fn user_has_remedy() {
        for text in [
            "https://me@app.example.com:8443",
            "https://me:secret@app.example.com:8443/",
            "https://@app.example.com:8443",
        ] {
            let expected = "an origin has no user name or password: use https://app.example.com:8443";
            assert_eq!(error(text), expected, "{text}");
        }
    }

    #[test]
    fn wildcard_in_origin_has_remedy() {
        for text in ["https://*", "https://*.example.com", "http://localhost:*"] {
            assert!(error(text).starts_with("an origin has no wildcard"), "{text}");
        }
    }

    #[test]
    fn rejects_malformed_or_opaque_origin() {
        for text in [
            "",
            "app.example.com",
            "localhost:8000",
            "https://",
            "https:app.example.com",
            "://a",
            "https://a b",
            "https://a:99999",
            "https://a\n",
            "**",
        ] {
            assert!(error(text).starts_with("not an origin such as "), "{text}");
        }
        for text in ["null", "file:///home/me/page.html"] {
            assert!(error(text).contains("serve the page over HTTP"), "{text}");
        }
    }
}
