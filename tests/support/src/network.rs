//! HTTP on loopback in virtual time.
//!
//! Paused time jumps to the next timer whenever the runtime is idle, also when it waits for a socket. So time is held from the
//! start of a call, when the client resolves the host, until its connection closes. Connections are not reused.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};

use axum::Router;
use axum::serve::Listener;
use doorbell_client::{Api, http_client};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Serves `app`, and returns a daemon's client of it. Ends with the test's tokio runtime.
pub async fn connect(app: Router) -> Api {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let calls = Calls { address: listener.local_addr().unwrap(), connecting: Arc::default() };
    let held = HeldListener { listener, connecting: Arc::clone(&calls.connecting) };
    let url = format!("http://doorbell.test:{}", calls.address.port());
    tokio::spawn(async { axum::serve(held, app).await });
    // Installs the TLS provider.
    http_client().unwrap();
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).dns_resolver(calls).build();
    Api::new(http.unwrap(), url.parse().unwrap(), "dbd_dev_a")
}

/// Holds virtual time: tokio does not advance it while a blocking task runs.
#[derive(Debug)]
struct Hold(#[expect(dead_code, reason = "the blocking task ends when it is dropped")] mpsc::Sender<()>);

impl Hold {
    fn new() -> Self {
        let (hold, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv());
        Self(hold)
    }
}

type Connecting = Arc<Mutex<VecDeque<Hold>>>;

/// Resolves the host, and holds time from then on.
struct Calls {
    address: SocketAddr,
    connecting: Connecting,
}

impl Resolve for Calls {
    fn resolve(&self, _: Name) -> Resolving {
        self.connecting.lock().unwrap().push_back(Hold::new());
        let address = self.address;
        Box::pin(async move { Ok(Box::new([address].into_iter()) as Addrs) })
    }
}

struct HeldListener {
    listener: TcpListener,
    connecting: Connecting,
}

impl Listener for HeldListener {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        let (stream, address) = self.listener.accept().await.unwrap();
        let hold = self.connecting.lock().unwrap().pop_front().unwrap();
        (Held { stream, _hold: hold }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that holds time until it closes.
struct Held {
    stream: TcpStream,
    _hold: Hold,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
