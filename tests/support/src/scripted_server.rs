//! An HTTP server on loopback that answers from a script and records its calls.
//!
//! Works in virtual time for callers that use [`ScriptedServer::http_client`]. Paused time jumps to the next timer whenever the
//! runtime waits, sockets included, so a call's own timeout would fire while its bytes are in transit. Therefore time is held
//! from the moment the client resolves the server's address until it closes the connection, and passes only where the
//! script allows it: in [`Reply::Hang`] and [`Reply::After`].

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Response, StatusCode, header};
use axum::serve::{IncomingStream, Listener};
use doorbell_protocol::{RuntimeId, error_text};
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::runtime::RuntimeIdNamespace;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::io::InspectReader;
use uuid::Uuid;

/// One recorded call.
#[derive(Clone, Debug)]
pub struct ScriptedCall {
    /// When it arrived, since the server's start.
    pub at: Duration,
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Every `Authorization` header.
    pub authorization: Vec<String>,
    pub idempotency_key: Option<String>,
    pub body: Value,
    /// The number of earlier calls to the same path.
    pub nth: usize,
}

/// A scripted response.
#[derive(Clone, Debug)]
pub enum Reply {
    /// What Doorbell answers when all is well and there is no work.
    Default,
    Json(u16, Value),
    /// The response to a heartbeat, with fields for the first runtime, such as `work`.
    Heartbeat(Value),
    /// A body of any other kind.
    Bytes(u16, Vec<u8>),
    /// A 429 with these seconds in `Retry-After`.
    RateLimited(u64),
    /// A page of a list, and its `Link` header.
    Page(Value, String),
    Redirect(String),
    /// Closes the connection without a response.
    Broken,
    /// Never responds.
    Hang,
    /// The reply, after a delay.
    After(Duration, Box<Reply>),
}

impl Reply {
    /// An error in the form of Doorbell's.
    pub fn error(status: u16, text: &str) -> Self {
        Self::Json(status, json!({ "error": text }))
    }

    /// A page of a server that is not Doorbell.
    pub fn html(status: u16) -> Self {
        Self::Bytes(status, b"<h1>It works!</h1>".to_vec())
    }

    /// The response to a heartbeat that claims `request` of the kind `model_list`.
    pub fn pending(request: &str) -> Self {
        Self::claims([work(request, "model_list")])
    }

    /// The response to a heartbeat that claims requests of the first runtime.
    pub fn claims(work: impl IntoIterator<Item = Value>) -> Self {
        let work: Vec<_> = work.into_iter().collect();
        Self::Heartbeat(json!({ "work": work }))
    }

    pub fn after(self, delay: Duration) -> Self {
        Self::After(delay, Box::new(self))
    }
}

type Script = Box<dyn Fn(&ScriptedCall) -> Reply + Send + Sync>;

/// The server. It ends with the test's runtime.
#[derive(Clone)]
pub struct ScriptedServer(Arc<Shared>);

struct Shared {
    /// `None`: connections are refused.
    addr: Option<SocketAddr>,
    /// Until when, since the start, hosts are not resolved, and the resolver's error.
    unreachable: Mutex<Option<(Duration, io::ErrorKind)>>,
    script: Script,
    watch: Stopwatch,
    begun: Mutex<Vec<Duration>>,
    calls: Mutex<Vec<ScriptedCall>>,
    /// Holds of the calls whose connections are not accepted yet.
    connecting: Mutex<VecDeque<TimeHold>>,
}

impl ScriptedServer {
    pub async fn start(script: impl Fn(&ScriptedCall) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self::new(listener.local_addr().ok(), Box::new(script));
        let app = Router::new().fallback(respond).with_state(Arc::clone(&server.0));
        let app = app.into_make_service_with_connect_info::<Connection>();
        let listener = HoldingListener { listener, shared: Arc::clone(&server.0) };
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    /// Answers every call with one reply.
    pub async fn replying(reply: Reply) -> Self {
        Self::start(move |_| reply.clone()).await
    }

    /// A server that refuses connections of [`http_client`](Self::http_client).
    pub fn down() -> Self {
        Self::new(None, Box::new(|_| Reply::Default))
    }

    fn new(addr: Option<SocketAddr>, script: Script) -> Self {
        let watch = Stopwatch::start();
        let (unreachable, begun, calls, connecting) = Default::default();
        Self(Arc::new(Shared { addr, unreachable, script, watch, begun, calls, connecting }))
    }

    /// The same server, which [`http_client`](Self::http_client) does not reach for `time` since the start: resolving the host fails with
    /// `error`.
    #[must_use]
    pub fn unreachable_for(self, time: Duration, error: io::ErrorKind) -> Self {
        *self.0.unreachable.lock().unwrap() = Some((time, error));
        self
    }

    /// The URL for clients in real time.
    pub fn url(&self) -> String {
        format!("http://{}", self.0.addr.unwrap())
    }

    /// Host and port for [`http_client`](Self::http_client).
    pub fn host(&self) -> String {
        format!("doorbell.test:{}", self.0.addr.map_or(1, |addr| addr.port()))
    }

    /// A client that resolves every host to this server and opens one connection for each call.
    pub fn http_client(&self) -> reqwest::Client {
        // Installs the TLS provider.
        doorbell_client::http_client().unwrap();
        let resolver = HoldingResolver(Arc::clone(&self.0));
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).dns_resolver(resolver);
        // As the client in real time.
        client.redirect(reqwest::redirect::Policy::none()).build().unwrap()
    }

    /// When calls were begun, whether or not they arrived.
    pub fn begun(&self) -> Vec<Duration> {
        self.0.begun.lock().unwrap().clone()
    }

    /// The calls that arrived.
    pub fn calls(&self) -> Vec<ScriptedCall> {
        self.0.calls.lock().unwrap().clone()
    }

    /// The calls to `path` that arrived.
    pub fn calls_to(&self, path: &str) -> Vec<ScriptedCall> {
        self.calls().into_iter().filter(|call| call.path == path).collect()
    }
}

async fn respond(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response<Body> {
    let call = shared.record(request).await;
    let mut reply = (shared.script)(&call);
    while let Reply::After(delay, then) = reply {
        let held = connection.release_time();
        tokio::time::sleep(delay).await;
        if held {
            connection.hold_time();
        }
        reply = *then;
    }
    let (status, body) = match reply {
        Reply::Default => (200, default_response(&call).to_string().into()),
        Reply::Json(status, body) => (status, body.to_string().into()),
        Reply::Heartbeat(fields) => {
            let first = call.body["runtimes"][0]["id"].clone();
            let fields_of = |id: &Value| if *id == first { fields.clone() } else { json!({}) };
            (200, heartbeat_response(&call, fields_of).to_string().into())
        }
        Reply::Bytes(status, body) => (status, body.into()),
        Reply::RateLimited(seconds) => {
            let body = json!({"error": error_text::RINGS_LIMITED}).to_string().into();
            let response = Response::builder().status(StatusCode::TOO_MANY_REQUESTS);
            return response.header(header::RETRY_AFTER, seconds).body(body).unwrap();
        }
        Reply::Page(body, link) => {
            let response = Response::builder().header(header::LINK, link);
            return response.body(body.to_string().into()).unwrap();
        }
        Reply::Redirect(to) => {
            let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
            return response.header(header::LOCATION, to).body(Body::empty()).unwrap();
        }
        Reply::Broken | Reply::After(..) => {
            connection.0.socket.shutdown(Shutdown::Write).unwrap();
            return std::future::pending().await;
        }
        Reply::Hang => {
            connection.release_time();
            return std::future::pending().await;
        }
    };
    Response::builder().status(status).body(body).unwrap()
}

impl Shared {
    async fn record(&self, request: Request) -> ScriptedCall {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let authorization = parts.headers.get_all(header::AUTHORIZATION).iter();
        let idempotency_key = parts.headers.get("idempotency-key");
        let mut call = ScriptedCall {
            at: self.watch.elapsed(),
            method: parts.method.to_string(),
            path: parts.uri.to_string(),
            authorization: authorization.map(|value| value.to_str().unwrap().to_owned()).collect(),
            idempotency_key: idempotency_key.map(|value| value.to_str().unwrap().to_owned()),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            nth: 0,
        };
        let mut calls = self.calls.lock().unwrap();
        call.nth = calls.iter().filter(|other| other.path == call.path).count();
        calls.push(call.clone());
        call
    }

    fn begin_call(&self) -> io::Result<SocketAddr> {
        self.begun.lock().unwrap().push(self.watch.elapsed());
        if let Some((end, error)) = *self.unreachable.lock().unwrap()
            && self.watch.elapsed() < end
        {
            return Err(error.into());
        }
        let addr = self.addr.ok_or(io::ErrorKind::ConnectionRefused)?;
        self.connecting.lock().unwrap().push_back(TimeHold::new());
        Ok(addr)
    }
}

fn default_response(call: &ScriptedCall) -> Value {
    match call.path.as_str() {
        "/api/daemon/register" => registered(&call.body),
        "/api/daemon/heartbeat" => heartbeat_response(call, |_| json!({})),
        _ => json!({"status": "ok"}),
    }
}

/// A claimed request, without args and by its first delivery.
pub fn work(request: &str, kind: &str) -> Value {
    json!({"id": request, "kind": kind, "attempt": 1, "deadline": "2026-11-22T03:42:07.123Z"})
}

/// The response to a heartbeat, with more fields for each runtime.
pub fn heartbeat_response(call: &ScriptedCall, fields: impl Fn(&Value) -> Value) -> Value {
    let runtimes = call.body["runtimes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let response = |runtime: &Value| {
        let mut response = json!({"id": runtime["id"], "status": "ok"});
        response.as_object_mut().unwrap().extend(fields(&runtime["id"]).as_object().unwrap().clone());
        response
    };
    let runtimes: Vec<_> = runtimes.iter().map(response).collect();
    json!({"status": "ok", "next_heartbeat_s": 15, "runtimes": runtimes})
}

/// The id that the server gives a runtime.
pub fn runtime_id(daemon_id: &str, provider: &str, profile_id: &str) -> RuntimeId {
    RuntimeIdNamespace::from_uuid(Uuid::nil()).runtime_id(daemon_id, provider, profile_id)
}

/// The response to a registration.
pub fn registered(body: &Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (workspace, daemon) = (text(&body["workspace_id"]), text(&body["daemon_id"]));
    let record = |runtime: &Value| {
        let provider = text(&runtime["type"]);
        let profile = text(&runtime["profile_id"]);
        let time = "2026-11-22T03:41:07.123Z";
        let mut record = json!({
            "id": runtime_id(&daemon, &provider, &profile),
            "workspace_id": workspace, "daemon_id": daemon, "name": runtime["name"], "provider": provider,
            "status": "online", "last_seen_at": time, "created_at": time, "updated_at": time,
        });
        if !profile.is_empty() {
            record["profile_id"] = profile.into();
        }
        record
    };
    let records: Vec<_> = body["runtimes"].as_array().unwrap().iter().map(record).collect();
    json!({"runtimes": records, "repos": [], "repos_version": "", "settings": {}})
}

/// Virtual time stands still while one exists: tokio does not advance it while a blocking task runs.
#[derive(Debug)]
struct TimeHold(#[expect(dead_code, reason = "the blocking task ends when it is dropped")] mpsc::Sender<()>);

impl TimeHold {
    fn new() -> Self {
        let (hold, dropped) = mpsc::channel();
        tokio::task::spawn_blocking(move || dropped.recv());
        Self(hold)
    }
}

/// Begins a call when a client asks for the address.
struct HoldingResolver(Arc<Shared>);

impl Resolve for HoldingResolver {
    fn resolve(&self, _: Name) -> Resolving {
        let address = self.0.begin_call();
        Box::pin(async move { Ok(Box::new([address?].into_iter()) as Addrs) })
    }
}

/// One connection: its socket, and its hold on time.
#[derive(Clone, Debug)]
struct Connection(Arc<ConnectionState>);

#[derive(Debug)]
struct ConnectionState {
    socket: std::net::TcpStream,
    hold: Mutex<Option<TimeHold>>,
}

impl Connection {
    /// Returns whether time was held.
    fn release_time(&self) -> bool {
        self.0.hold.lock().unwrap().take().is_some()
    }

    fn hold_time(&self) {
        *self.0.hold.lock().unwrap() = Some(TimeHold::new());
    }
}

impl Connected<IncomingStream<'_, HoldingListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, HoldingListener>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Owns the state of a connection, which ends with the stream.
type Owner = Box<dyn FnMut(&[u8]) + Send>;

struct HoldingListener {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Listener for HoldingListener {
    type Io = InspectReader<TcpStream, Owner>;
    type Addr = Connection;

    async fn accept(&mut self) -> (Self::Io, Connection) {
        let (stream, _) = self.listener.accept().await.unwrap();
        let stream = stream.into_std().unwrap();
        let socket = stream.try_clone().unwrap();
        let hold = Mutex::new(self.shared.connecting.lock().unwrap().pop_front());
        let connection = Connection(Arc::new(ConnectionState { socket, hold }));
        let owned = connection.clone();
        let own: Owner = Box::new(move |_| {
            let _ = &owned;
        });
        (InspectReader::new(TcpStream::from_std(stream).unwrap(), own), connection)
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
