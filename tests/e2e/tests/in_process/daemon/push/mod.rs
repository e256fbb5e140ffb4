//! The push channel: a daemon between a scripted server and a scripted broker, in virtual time.

mod broker;
mod hints;
mod losses;
mod offers;
mod proof;

use std::sync::Arc;
use std::time::Duration;

use doorbell_daemon::push::PushStatus;
use doorbell_daemon::{DaemonStatus, Settings, Stopped};
use doorbell_protocol::{RuntimeId, Timestamp};
use doorbell_test_support::scripted_server::{
    Reply, ScriptedCall, ScriptedServer, heartbeat_response, registered,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::daemon::fixtures::{
    HEARTBEAT, REGISTER, agents, daemon, runtime, seconds, settings, virtual_clock,
};
use broker::{Behaviour, Broker};

/// What the server asks of a proven daemon.
const LEASE: Duration = Duration::from_secs(21_600);

/// An answer takes this long, so that messages of the broker arrive before it.
const CALL: Duration = Duration::from_millis(10);

/// A running daemon with agents of the types `codex` and `opencode`.
struct Pushed {
    server: ScriptedServer,
    broker: Broker,
    status: watch::Receiver<DaemonStatus>,
    stop: CancellationToken,
    daemon: JoinHandle<Result<(), Stopped>>,
}

/// A heartbeat as the server has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    at: Duration,
    runtimes: Vec<RuntimeId>,
    connected: Option<bool>,
}

impl Pushed {
    async fn start(
        behaviour: Behaviour,
        script: impl Fn(&ScriptedCall, &Broker) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(settings(), behaviour, script).await
    }

    async fn start_with(
        settings: Settings,
        behaviour: Behaviour,
        script: impl Fn(&ScriptedCall, &Broker) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(virtual_clock(), settings, behaviour, script).await
    }

    async fn start_at(
        clock: impl Fn() -> Option<Timestamp> + Send + Sync + 'static,
        settings: Settings,
        behaviour: Behaviour,
        script: impl Fn(&ScriptedCall, &Broker) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let broker = Broker::new(behaviour);
        let of_script = broker.clone();
        let server = ScriptedServer::start(move |call| script(call, &of_script)).await;
        let daemon = daemon(&server, settings, agents(["codex", "opencode"]));
        let daemon = daemon.with_dial(Arc::new(broker.clone())).with_wall_clock(clock);
        let mut status = daemon.status();
        let stop = CancellationToken::new();
        let daemon = tokio::spawn(daemon.run(stop.clone()));
        status.wait_for(|status| !status.runtimes.is_empty()).await.unwrap();
        Self { server, broker, status, stop, daemon }
    }

    /// A daemon whose channel is proven since less than a second.
    async fn proven() -> Self {
        Self::proven_with(ordinary).await
    }

    async fn proven_with(script: impl Fn(&ScriptedCall, &Broker) -> Reply + Send + Sync + 'static) -> Self {
        let mut pushed = Self::start(Behaviour::Accept, script).await;
        pushed.wait_for(PushStatus::Proven, seconds(16.0)).await;
        pushed
    }

    async fn wait_for(&mut self, status: PushStatus, longest: Duration) {
        let reached = timeout(longest, self.status.wait_for(|current| current.push == status)).await.is_ok();
        assert!(reached, "{:?} instead of {status:?}", self.status.borrow().push);
    }

    /// The text of the status.
    fn status(&self) -> String {
        self.status.borrow().push.to_string()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.daemon.await.unwrap().unwrap();
    }

    fn heartbeats(&self) -> Vec<Seen> {
        let seen = |call: ScriptedCall| Seen {
            at: call.at,
            runtimes: runtimes_of(&call),
            connected: call.body["push"]["connected"].as_bool(),
        };
        self.server.calls_to(HEARTBEAT).into_iter().map(seen).collect()
    }

    /// What the server has seen in `time` from now, with times from now.
    async fn heartbeats_within(&self, time: Duration) -> Vec<Seen> {
        let earlier = self.heartbeats().len();
        let now = self.broker.now();
        sleep(time).await;
        let seen = self.heartbeats().into_iter().skip(earlier);
        seen.map(|seen| Seen { at: seen.at - now, ..seen }).collect()
    }
}

fn runtimes_of(call: &ScriptedCall) -> Vec<RuntimeId> {
    let runtimes = call.body["runtimes"].as_array().unwrap().iter();
    runtimes.map(|runtime| runtime["id"].as_str().unwrap().parse().unwrap()).collect()
}

fn seen(at: f64, runtimes: &[&str], connected: bool) -> Seen {
    let runtimes = runtimes.iter().map(|provider| runtime(provider)).collect();
    Seen { at: seconds(at), runtimes, connected: Some(connected) }
}

const ALL: &[&str] = &["codex", "opencode"];

fn offer(client_id: &str) -> Value {
    json!({"push": {
        "url": "mqtts://push.example.com:443",
        "client_id": client_id,
        "username": "doorbell?x-amz-customauthorizer-name=doorbell",
        "topic": "doorbell/wake",
    }})
}

fn offering(call: &ScriptedCall, settings: Value) -> Reply {
    let mut response = registered(&call.body);
    response["settings"] = settings;
    Reply::Json(200, response)
}

fn answer(call: &ScriptedCall, next: Duration) -> Reply {
    let mut response = heartbeat_response(call, |_| json!({}));
    response["next_heartbeat_s"] = next.as_secs().into();
    Reply::Json(200, response).after(CALL)
}

/// A server with a push channel.
fn ordinary(call: &ScriptedCall, broker: &Broker) -> Reply {
    match call.path.as_str() {
        REGISTER => offering(call, offer("client")),
        HEARTBEAT if call.body["push"]["connected"] == true => {
            broker.hello();
            answer(call, LEASE)
        }
        HEARTBEAT => answer(call, Settings::INTERVAL),
        _ => Reply::Default,
    }
}
