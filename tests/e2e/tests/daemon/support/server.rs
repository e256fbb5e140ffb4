//! A server on loopback that answers from a script, and remembers what it was asked and when.
//!
//! Paused time jumps to the next timer whenever the runtime waits, and it waits for sockets too: a call's own time-out
//! would fire while its bytes are on their way. So time is held from the moment a client begins a call, which is when
//! it asks for the server's address, until it has hung up, which is when it has read the answer. It passes only where
//! the script says so: while a call [hangs](Reply::Hang) or [takes long](Reply::After). Nothing depends on how fast the
//! machine is. No connection is used twice, so that every call asks for the address and hangs up.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorbell_client::{Api, http_client};
use doorbell_shared::clock::Stopwatch;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::script::{Call, Reply, usual};
use super::time::Hold;
use super::wire::{read, write};

/// The daemon's token.
pub(crate) const TOKEN: &str = "dbd_very-secret";

type Script = Box<dyn Fn(&Call) -> Reply + Send + Sync>;

/// The server. It ends with the test.
pub(crate) struct Server(Arc<State>);

struct State {
    addr: SocketAddr,
    is_down: bool,
    script: Script,
    watch: Stopwatch,
    begun: Mutex<Vec<Duration>>,
    calls: Mutex<Vec<Call>>,
    connecting: Mutex<VecDeque<Hold>>,
}

impl Server {
    /// A server that answers as `script` says.
    pub(crate) async fn start(script: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = State::new(listener.local_addr().unwrap(), false, Box::new(script));
        let server = Self(Arc::new(state));
        tokio::spawn(accept(listener, Arc::clone(&server.0)));
        server
    }

    /// A server that answers as Doorbell does when there is nothing to do.
    pub(crate) async fn usual() -> Self {
        Self::start(|_| Reply::Usual).await
    }

    /// A server that no connection can be made to.
    pub(crate) fn down() -> Self {
        Self(Arc::new(State::new(([127, 0, 0, 1], 1).into(), true, Box::new(|_| Reply::Usual))))
    }

    /// The API of this server.
    pub(crate) fn api(&self) -> Api {
        self.api_at(&format!("http://{}", self.host()))
    }

    /// The API of this server by another URL.
    pub(crate) fn api_at(&self, url: &str) -> Api {
        // Sees to the TLS provider.
        http_client().unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .dns_resolver(Address(Arc::clone(&self.0)))
            .build();
        Api::new(client.unwrap(), url.parse().unwrap(), TOKEN)
    }

    /// Host and port.
    pub(crate) fn host(&self) -> String {
        format!("doorbell.test:{}", self.0.addr.port())
    }

    /// When calls were begun, whether or not they arrived.
    pub(crate) fn begun(&self) -> Vec<Duration> {
        self.0.begun.lock().unwrap().clone()
    }

    /// The calls that arrived.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    /// The calls to that path that arrived.
    pub(crate) fn calls_to(&self, path: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.path == path).collect()
    }

    /// When the agent of that type beat.
    pub(crate) fn beats_of(&self, provider: &str) -> Vec<Duration> {
        self.calls().into_iter().filter(|call| call.is_beat_of(provider)).map(|call| call.at).collect()
    }
}

/// The server's address, for which a client asks when it begins a call.
struct Address(Arc<State>);

impl Resolve for Address {
    fn resolve(&self, _: Name) -> Resolving {
        let address = self.0.begin_call();
        Box::pin(async move { Ok(Box::new([address?].into_iter()) as Addrs) })
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let hold = state.connecting.lock().unwrap().pop_front().unwrap();
        let state = Arc::clone(&state);
        // A client that hangs up early has its reasons.
        tokio::spawn(async move { state.serve(BufReader::new(stream), hold).await.ok() });
    }
}

impl State {
    fn new(addr: SocketAddr, is_down: bool, script: Script) -> Self {
        Self {
            addr,
            is_down,
            script,
            watch: Stopwatch::start(),
            begun: Mutex::default(),
            calls: Mutex::default(),
            connecting: Mutex::default(),
        }
    }

    fn begin_call(&self) -> io::Result<SocketAddr> {
        self.begun.lock().unwrap().push(self.watch.elapsed());
        if self.is_down {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.connecting.lock().unwrap().push_back(Hold::new());
        Ok(self.addr)
    }

    async fn serve(&self, mut stream: BufReader<TcpStream>, mut hold: Hold) -> io::Result<()> {
        let call = self.remember(read(&mut stream).await?);
        let mut reply = (self.script)(&call);
        while let Reply::After(time, then) = reply {
            drop(hold);
            tokio::time::sleep(time).await;
            (hold, reply) = (Hold::new(), *then);
        }
        match reply {
            Reply::Usual => write(&mut stream, 200, &usual(&call).to_string()).await?,
            Reply::Json(status, body) => write(&mut stream, status, &body.to_string()).await?,
            Reply::Html(status) => write(&mut stream, status, "<h1>It works!</h1>").await?,
            Reply::Broken | Reply::After(..) => stream.shutdown().await?,
            Reply::Hang => drop(hold),
        }
        stream.read_to_end(&mut Vec::new()).await.map(drop)
    }

    fn remember(&self, call: Call) -> RecordedCall {
        let mut calls = self.calls.lock().unwrap();
        let runtime = |call: &Call| call.body["runtime_id"].clone();
        let same = |other: &&Call| other.path == call.path && runtime(other) == runtime(&call);
        let nth = calls.iter().filter(same).count();
        let call = RecordedCall { at: self.watch.elapsed(), nth, ..call };
        calls.push(call.clone());
        call
    }
}
