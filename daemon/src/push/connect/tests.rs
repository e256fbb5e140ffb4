//! Connections on loopback, in real time.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A server's certificate, and a network that trusts it alone.
fn tls_of(host: &str, proxies: Matcher) -> (TlsAcceptor, Network) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([host.to_owned()]).unwrap();
    let provider = Arc::new(default_provider());
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let server =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let mut server =
        server.unwrap().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    server.alpn_protocols = vec![ALPN.to_vec()];
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), Network { proxies, tls: OnceCell::new_with(Some(client)) })
}

fn no_proxy() -> Matcher {
    Matcher::builder().build()
}

async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Accepts one connection, and returns its protocol and its first 5 bytes.
async fn receive_tls(acceptor: TlsAcceptor, stream: TcpStream) -> io::Result<(Option<Vec<u8>>, [u8; 5])> {
    let mut stream = acceptor.accept(stream).await?;
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).await?;
    Ok((stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec), bytes))
}

async fn send(network: &Network, url: &str) -> io::Result<()> {
    let mut stream = network.dial(&url.parse().unwrap()).await?;
    stream.write_all(b"hello").await?;
    stream.flush().await
}

/// A proxy that answers `response` to one request, and then is the server. Returns the request.
fn proxy(listener: TcpListener, response: &'static str, acceptor: TlsAcceptor) -> JoinHandle<String> {
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(response.as_bytes()).await.unwrap();
        if response.contains(" 200 ") {
            assert_eq!(receive_tls(acceptor, stream).await.unwrap().1, *b"hello");
        }
        String::from_utf8(request).unwrap()
    })
}

#[tokio::test]
async fn encrypted_connection_negotiates_mqtt() {
    let (listener, port) = listen().await;
    let (acceptor, network) = tls_of("127.0.0.1", no_proxy());
    let server = tokio::spawn(async move { receive_tls(acceptor, listener.accept().await?.0).await });
    send(&network, &format!("mqtts://127.0.0.1:{port}")).await.unwrap();
    assert_eq!(server.await.unwrap().unwrap(), (Some(b"mqtt".to_vec()), *b"hello"));
}

#[tokio::test]
async fn untrusted_certificate_is_rejected() {
    let (listener, port) = listen().await;
    let (acceptor, _) = tls_of("127.0.0.1", no_proxy());
    let (_, network) = tls_of("127.0.0.1", no_proxy());
    let server = tokio::spawn(async move { receive_tls(acceptor, listener.accept().await?.0).await });
    let error = send(&network, &format!("mqtts://127.0.0.1:{port}")).await.unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    assert!(server.await.unwrap().is_err());
}

#[tokio::test]
async fn roots_of_the_platform_reject_unknown_certificate() {
    let (listener, port) = listen().await;
    let (acceptor, _) = tls_of("127.0.0.1", no_proxy());
    let network = Network { proxies: no_proxy(), tls: OnceCell::new() };
    let server = tokio::spawn(async move { receive_tls(acceptor, listener.accept().await?.0).await });
    let error = send(&network, &format!("mqtts://127.0.0.1:{port}")).await.unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    assert!(server.await.unwrap().is_err());
}

#[tokio::test]
async fn certificate_of_another_host_is_rejected() {
    let (listener, port) = listen().await;
    let (acceptor, network) = tls_of("push.test", no_proxy());
    let server = tokio::spawn(async move { receive_tls(acceptor, listener.accept().await?.0).await });
    let error = send(&network, &format!("mqtts://127.0.0.1:{port}")).await.unwrap_err();
    assert!(error.to_string().contains("not valid for name"), "{error}");
    assert!(server.await.unwrap().is_err());
}

/// The host is known to the proxy only.
#[tokio::test]
async fn proxy_connects_with_credentials() {
    let (listener, port) = listen().await;
    let proxies = Matcher::builder().https(format!("http://alice:hunter2@127.0.0.1:{port}")).build();
    let (acceptor, network) = tls_of("push.test", proxies);
    let proxy = proxy(listener, "HTTP/1.1 200 Connected\r\n\r\n", acceptor);
    send(&network, "mqtts://push.test").await.unwrap();
    let request = proxy.await.unwrap();
    assert!(request.starts_with("CONNECT push.test:443 HTTP/1.1\r\n"), "{request}");
    // alice:hunter2
    assert!(request.contains("Proxy-Authorization: Basic YWxpY2U6aHVudGVyMg==\r\n"), "{request}");
}

#[tokio::test]
async fn refusal_of_proxy_is_an_error_without_credentials() {
    let (listener, port) = listen().await;
    let proxies = Matcher::builder().all(format!("http://alice:hunter2@127.0.0.1:{port}")).build();
    let (acceptor, network) = tls_of("push.test", proxies);
    let proxy = proxy(listener, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", acceptor);
    let error = send(&network, "mqtts://push.test").await.unwrap_err().to_string();
    let expected = format!("the proxy http://127.0.0.1:{port}/ does not connect: tunnel error: ");
    assert_eq!(error, format!("{expected}proxy authorization required"));
    proxy.await.unwrap();
}

#[tokio::test]
async fn proxy_of_another_protocol_is_an_error() {
    let proxies = Matcher::builder().all("socks5://127.0.0.1:1080").build();
    let (_, network) = tls_of("push.test", proxies);
    let error = send(&network, "mqtts://push.test").await.unwrap_err().to_string();
    assert_eq!(error, "the proxy socks5://127.0.0.1:1080/ does not speak HTTP");
}

#[tokio::test]
async fn excepted_host_needs_no_proxy() {
    let (listener, port) = listen().await;
    let proxies = Matcher::builder().all("http://127.0.0.1:1").no("127.0.0.1").build();
    let (acceptor, network) = tls_of("127.0.0.1", proxies);
    let server = tokio::spawn(async move { receive_tls(acceptor, listener.accept().await?.0).await });
    send(&network, &format!("mqtts://127.0.0.1:{port}")).await.unwrap();
    server.await.unwrap().unwrap();
}

#[tokio::test]
async fn unencrypted_connection_needs_no_proxy() {
    let (listener, port) = listen().await;
    let (_, network) = tls_of("127.0.0.1", Matcher::builder().all("http://127.0.0.1:1").build());
    let server = tokio::spawn(async move {
        let mut bytes = [0; 5];
        listener.accept().await?.0.read_exact(&mut bytes).await?;
        io::Result::Ok(bytes)
    });
    send(&network, &format!("mqtt://127.0.0.1:{port}")).await.unwrap();
    assert_eq!(server.await.unwrap().unwrap(), *b"hello");
}

#[tokio::test]
async fn closed_port_is_an_error() {
    let (listener, port) = listen().await;
    drop(listener);
    let (_, network) = tls_of("127.0.0.1", no_proxy());
    let error = send(&network, &format!("mqtts://127.0.0.1:{port}")).await.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
}
