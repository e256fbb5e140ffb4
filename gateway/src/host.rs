//! The host names to which the local gateway responds.
//!
//! Defence against DNS rebinding: a web page resolves a name of its own to 127.0.0.1, and the browser then treats the local
//! server as the page's own origin, so CORS does not apply. The browser still sends that name as `Host`. Addresses and
//! `localhost` cannot be rebound.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::header;
use doorbell_shared::http::ApiError;

/// The port that clients leave out of an `http:` URL's host.
const HTTP_PORT: u16 = 80;

/// The accepted values of `Host`: `localhost` and loopback addresses, with the port of the listener.
#[derive(Clone, Debug)]
pub(super) struct LocalHosts {
    names: [String; 4],
    port: u16,
}

impl LocalHosts {
    /// For a server on `addr`, whose own address is accepted too, such as 127.0.0.2.
    pub(super) fn of(addr: SocketAddr) -> Self {
        let own = match addr {
            SocketAddr::V4(addr) => addr.ip().to_string(),
            SocketAddr::V6(addr) => format!("[{}]", addr.ip()),
        };
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), own];
        Self { names, port: addr.port() }
    }

    /// Whether `request` is for one of the names. `Host` or the authority of the target is required, and both must be local:
    /// servers must prefer a target in absolute form to `Host` (RFC 9112, 3.2.2), and HTTP/2 sends `:authority` instead of it
    /// (RFC 9113, 8.3.1). A second `Host` is refused.
    ///
    /// # Errors
    /// [`ApiError::ForeignHost`] if not.
    pub(super) fn check(&self, request: &Request) -> Result<(), ApiError> {
        let hosts = request.headers().get_all(header::HOST).iter();
        let hosts: Vec<_> = hosts.map(|host| host.to_str().unwrap_or_default()).collect();
        let target = request.uri().authority().map(|authority| authority.as_str());
        let is_named = hosts.len() == 1 || (hosts.is_empty() && target.is_some());
        let is_local = hosts.into_iter().chain(target).all(|name| self.contains(name));
        if is_named && is_local { Ok(()) } else { Err(ApiError::ForeignHost { port: self.port }) }
    }

    fn contains(&self, host: &str) -> bool {
        self.names.iter().any(|name| match host.split_at_checked(name.len()) {
            Some((start, port)) if start.eq_ignore_ascii_case(name) => self.is_port(port),
            _ => false,
        })
    }

    /// Whether `suffix` is the listener's port with a colon, or absent for the default port.
    fn is_port(&self, suffix: &str) -> bool {
        match suffix.strip_prefix(':') {
            Some(port) => port == self.port.to_string(),
            None => suffix.is_empty() && self.port == HTTP_PORT,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn is_local(addr: &str, hosts: &[&str], target: &str) -> bool {
        let request = hosts.iter().fold(Request::get(target), |request, host| request.header("host", *host));
        LocalHosts::of(addr.parse().unwrap()).check(&request.body(Body::empty()).unwrap()).is_ok()
    }

    #[test]
    fn accepts_own_names_with_own_port() {
        for host in ["localhost:3000", "LocalHost:3000", "127.0.0.1:3000", "[::1]:3000"] {
            assert!(is_local("127.0.0.1:3000", &[host], "/healthz"), "{host}");
            assert!(is_local("[::1]:3000", &[host], "/healthz"), "{host}");
        }
        assert!(is_local("127.0.0.2:3000", &["127.0.0.2:3000"], "/healthz"));
    }

    #[test]
    fn port_may_be_absent_only_if_it_is_80() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(is_local("127.0.0.1:80", &[host], "/"), "{host}");
            assert!(!is_local("127.0.0.1:3000", &[host], "/"), "{host}");
        }
    }

    #[test]
    fn rejects_other_names_and_ports() {
        for host in [
            "evil.example",
            "evil.example:3000",
            "localhost.evil.example:3000",
            "localhost.:3000",
            "127.0.0.1.evil.example:3000",
            "evil.example@localhost:3000",
            "localhost:3000@evil.example",
            "localhost:3001",
            "localhost:03000",
            "localhost:+3000",
            "localhost:",
            "127.0.0.2:3000",
            "2130706433:3000",
            "::1:3000",
            "",
        ] {
            assert!(!is_local("127.0.0.1:3000", &[host], "/"), "{host}");
        }
    }

    #[test]
    fn requires_exactly_one_host() {
        assert!(!is_local("127.0.0.1:3000", &[], "/"));
        assert!(is_local("127.0.0.1:3000", &[], "http://localhost:3000/"));
        assert!(!is_local("127.0.0.1:3000", &[], "http://evil.example:3000/"));
        assert!(!is_local("127.0.0.1:3000", &["localhost:3000", "localhost:3000"], "/"));
    }

    #[test]
    fn absolute_target_must_be_local_too() {
        assert!(is_local("127.0.0.1:3000", &["localhost:3000"], "http://localhost:3000/"));
        assert!(!is_local("127.0.0.1:3000", &["localhost:3000"], "http://evil.example/"));
    }
}
