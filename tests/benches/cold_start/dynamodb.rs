//! DynamoDB as a function meets it in the cloud, over HTTPS, with the embedded engine behind it.
//!
//! It answers at once: a start shows what the function itself takes, and a connection, and nothing of a network.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use doorbell_shared::store::dynamodb::embedded::{CONTENT_TYPE, EmbeddedDynamoDb, TARGET_HEADER};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Result;
use crate::trust::{HOST, Trust};

/// The engine that answers, which each start has anew.
type Engine = Arc<Mutex<EmbeddedDynamoDb>>;

/// A server. It ends with the runtime.
pub(crate) struct DynamoDb {
    /// Its address, for the functions.
    pub(crate) endpoint: String,
    engine: Engine,
}

impl DynamoDb {
    /// On a free port of loopback, with the certificate that `trust` is about.
    pub(crate) async fn start(trust: &Trust) -> Result<Self> {
        let sockets = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("https://{HOST}:{}", sockets.local_addr()?.port());
        let engine = Arc::new(Mutex::new(EmbeddedDynamoDb::start().await?));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&engine));
        let listener = TlsListener { sockets, tls: TlsAcceptor::from(Arc::clone(&trust.server)) };
        tokio::spawn(axum::serve(listener, app).into_future());
        Ok(Self { endpoint, engine })
    }

    /// From now on `engine` answers.
    pub(crate) fn hold(&self, engine: EmbeddedDynamoDb) {
        *self.engine.lock().unwrap_or_else(PoisonError::into_inner) = engine;
    }
}

async fn answer(State(engine): State<Engine>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get(TARGET_HEADER).and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = engine.lock().unwrap_or_else(PoisonError::into_inner).answer(target, &body);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], answer.body).into_response()
}

/// Shakes hands with one client at a time: there is one at a time.
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

    /// A client that does not trust the certificate is the function's to tell of, in its log.
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok(connection) = self.connection().await {
                return connection;
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.sockets.local_addr()
    }
}
