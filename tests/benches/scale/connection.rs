//! One connection that is kept alive, with one call at a time on it. As little as HTTP takes: what the client spends, the
//! server on the same machine lacks.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use doorbell_cli::gateway::DAEMON_A;

/// A daemon's connection.
pub(crate) struct Connection {
    host: String,
    calls: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn to(addr: &str) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (calls, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { host: addr.to_owned(), calls }
    }

    /// The answer's status and body.
    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> (StatusCode, Bytes) {
        let request = Request::post(path)
            .header("host", &self.host)
            .header("authorization", format!("Bearer {}", DAEMON_A.token))
            .header("content-type", "application/json")
            .body(Full::from(body.to_string()))
            .unwrap();
        self.calls.ready().await.unwrap();
        let response = self.calls.send_request(request).await.unwrap();
        (response.status(), response.into_body().collect().await.unwrap().to_bytes())
    }
}
