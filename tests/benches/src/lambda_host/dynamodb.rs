//! DynamoDB over TLS, with the embedded engine behind it. It responds at once: measured times include a TLS handshake, but no
//! network.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use doorbell_shared::aws::function::AMAZON_ROOTS;
use doorbell_shared::store::dynamodb::embedded::{CONTENT_TYPE, EmbeddedDynamoDb, TARGET_HEADER};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::server::TlsStream;

use crate::Error;

const HOST: &str = "localhost";

/// Replaced before each start.
pub(crate) type Engine = Arc<Mutex<EmbeddedDynamoDb>>;

pub(crate) struct DynamoDb {
    pub(crate) url: String,
    pub(crate) engine: Engine,
}

/// Serves on a free port, and writes Amazon's roots and the root of this run to `bundle`: one more than a deployed function reads.
pub(crate) async fn start(bundle: &Path) -> Result<DynamoDb, Error> {
    // Fails if a provider is already installed.
    let _ = ring::default_provider().install_default();
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    std::fs::write(bundle, [AMAZON_ROOTS, b"\n", authority.pem().as_bytes()].concat())?;

    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![HOST.to_owned()])?.signed_by(&key, &authority)?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())?;

    let sockets = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{HOST}:{}", sockets.local_addr()?.port());
    let engine = Arc::new(Mutex::new(EmbeddedDynamoDb::start().await?));
    let app = Router::new().fallback(respond).with_state(Arc::clone(&engine));
    let listener = TlsListener { sockets, tls: TlsAcceptor::from(Arc::new(config)) };
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(DynamoDb { url, engine })
}

async fn respond(State(engine): State<Engine>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get(TARGET_HEADER).and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = engine.lock().unwrap_or_else(PoisonError::into_inner).respond(target, &body);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], answer.body).into_response()
}

/// One handshake at a time: there is one function process at a time.
struct TlsListener {
    sockets: TcpListener,
    tls: TlsAcceptor,
}

impl TlsListener {
    async fn connection(&self) -> io::Result<(TlsStream<TcpStream>, SocketAddr)> {
        let (socket, address) = self.sockets.accept().await?;
        socket.set_nodelay(true)?;
        Ok((self.tls.accept(socket).await?, address))
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // The function logs a failed handshake.
            if let Ok(connection) = self.connection().await {
                return connection;
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.sockets.local_addr()
    }
}
