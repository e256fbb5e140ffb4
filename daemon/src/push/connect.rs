//! A stream to the push channel: TCP, through the proxy of the environment, with TLS.

use std::error::Error;
use std::fmt;
use std::future::ready;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tower::{Service as _, service_fn};

use super::address::PushAddress;

/// IoT Core requires this protocol on port 443 with a custom authorizer (AWS, "Device communication protocols").
const ALPN: &[u8] = b"mqtt";

/// A connection to the push channel.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Opens connections to the push channel.
#[async_trait]
pub trait Dial: fmt::Debug + Send + Sync {
    /// A connection to `address`, encrypted if the address says so. The caller limits the time.
    async fn dial(&self, address: &PushAddress) -> io::Result<Box<dyn Stream>>;
}

/// Connections over the network, with the proxies and the TLS roots that calls of the API use.
#[derive(Debug)]
pub struct Network {
    proxies: Matcher,
    /// Loaded with the first encrypted connection. Later ones resume its session.
    tls: OnceCell<ClientConfig>,
}

impl Network {
    /// With the proxies of `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, and the roots of the platform.
    pub fn from_environment() -> Self {
        Self { proxies: Matcher::from_env(), tls: OnceCell::new() }
    }

    async fn tls(
        &self,
        host: &str,
        alpn: &[&[u8]],
        stream: impl Stream + 'static,
    ) -> io::Result<Box<dyn Stream>> {
        let mut config = self.tls.get_or_try_init(|| async { platform_tls() }).await?.clone();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
    }

    /// A connection through `proxy` (RFC 9110, section 9.3.6).
    async fn tunnel(&self, proxy: &Intercept, to: &Uri) -> io::Result<Box<dyn Stream>> {
        let is_encrypted = proxy.uri().scheme() == Some(&Scheme::HTTPS);
        if !is_encrypted && proxy.uri().scheme() != Some(&Scheme::HTTP) {
            return Err(io::Error::other(format!("the proxy {} does not speak HTTP", proxy.uri())));
        }
        let stream = tcp(proxy.uri()).await?;
        let stream = if is_encrypted {
            let host = proxy.uri().host().unwrap_or_default();
            self.tls(host.trim_start_matches('[').trim_end_matches(']'), &[], stream).await?
        } else {
            stream
        };
        let mut connected = Some(TokioIo::new(stream));
        let connector = service_fn(|_| {
            ready(connected.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)))
        });
        let mut tunnel = Tunnel::new(proxy.uri().clone(), connector);
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let stream = tunnel.call(to.clone()).await.map_err(|error| {
            io::Error::other(format!("the proxy {} does not connect: {}", proxy.uri(), chain(&error)))
        })?;
        Ok(stream.into_inner())
    }
}

#[async_trait]
impl Dial for Network {
    async fn dial(&self, address: &PushAddress) -> io::Result<Box<dyn Stream>> {
        // Of this machine, which no proxy reaches.
        if !address.is_encrypted() {
            return tcp(address.uri()).await;
        }
        let stream = match self.proxies.intercept(address.uri()) {
            Some(proxy) => self.tunnel(&proxy, address.uri()).await?,
            None => tcp(address.uri()).await?,
        };
        self.tls(address.host(), &[ALPN], stream).await
    }
}

/// hyper's connector, because it tries the addresses of a host as browsers do (RFC 8305).
async fn tcp(to: &Uri) -> io::Result<Box<dyn Stream>> {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let stream = connector.call(to.clone()).await.map_err(|error| io::Error::other(chain(&error)))?;
    Ok(Box::new(stream.into_inner()))
}

/// As reqwest does for calls of the API.
fn platform_tls() -> io::Result<ClientConfig> {
    let provider = Arc::new(default_provider());
    let verifier = Verifier::new(Arc::clone(&provider)).map_err(io::Error::other)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

/// The text of an error with those of its sources, which say more.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
