//! A deployment with a broker that can fail, and its daemons.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use doorbell_client::{Api, http_client};
use doorbell_daemon::agents::Agent;
use doorbell_daemon::push::PushStatus;
use doorbell_daemon::sources::sample::Sample;
use doorbell_daemon::{Daemon, DaemonStatus, Settings};
use doorbell_gateway::broker::Broker;
use doorbell_gateway::{
    Authenticator, DAEMON_A, Gateway, Origins, PushListener, WORKSPACE_A, issue_dev_tokens,
};
use doorbell_shared::clock::{Clock, Stopwatch, SystemClock};
use doorbell_shared::http::AppState;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_test_support::client::{Caller, Client, Workspace};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// That of `doorbell dev`.
const PUSH_INTERVAL: Duration = Duration::from_secs(60);

/// The pause between two rings: a daemon answers hints of one runtime once a second.
const PAUSE: Duration = Duration::from_millis(1_100);

/// A state is reached in this time, or never. Keep-alive and the wait of `presence` are 55 s together.
pub const PATIENCE: Duration = Duration::from_secs(90);

pub struct Stage {
    pub client: Client,
    broker: Option<Broker>,
    state: AppState<DynamoDbStore>,
    addresses: (SocketAddr, SocketAddr),
}

/// A daemon in this process. It ends when it is dropped.
pub struct RunningDaemon {
    pub runtime: String,
    pub status: watch::Receiver<DaemonStatus>,
    task: JoinHandle<()>,
}

impl Drop for RunningDaemon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stage {
    pub async fn start() -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), None).await
    }

    /// The API is at `addr`. Daemons connect to `mqtt`, or to the broker itself.
    pub async fn at(addr: SocketAddr, mqtt: Option<SocketAddr>) -> Self {
        let store = EmbeddedDynamoDb::start().await.unwrap().store();
        issue_dev_tokens(&store, SystemClock.now()).await.unwrap();
        let listener = PushListener::bind(Ipv4Addr::LOCALHOST.into()).await.unwrap();
        let mut channel = listener.channel(PUSH_INTERVAL).unwrap();
        if let Some(mqtt) = mqtt {
            channel.url = format!("mqtt://{mqtt}");
        }
        let state = AppState { push: Some(channel), ..AppState::new(store.clone()) };
        let authenticator = Authenticator::of_tokens(AppState::new(store));
        let gateway =
            Gateway { state: state.clone(), authenticator, origins: Origins::default(), sign_in: None };
        let http = TcpListener::bind(addr).await.unwrap();
        let client = Client::new(format!("http://{}", http.local_addr().unwrap()), Workspace::of_dev());
        tokio::spawn(doorbell_gateway::serve(http, gateway, std::future::pending()));
        let addresses = listener.addresses().unwrap();
        let mut stage = Self { client, broker: None, state, addresses };
        stage.serve(listener);
        stage
    }

    fn serve(&mut self, listener: PushListener) {
        let stop = CancellationToken::new();
        self.broker = Some(listener.serve(self.state.clone(), self.state.clone(), &stop).unwrap());
    }

    pub fn mqtt(&self) -> SocketAddr {
        self.addresses.0
    }

    pub fn broker(&self) -> &Broker {
        self.broker.as_ref().unwrap()
    }

    pub async fn stop_broker(&mut self) {
        self.broker.take().unwrap().stop().await;
    }

    pub async fn restart_broker(&mut self) {
        let (mqtt, http) = self.addresses;
        self.serve(PushListener::bind_to(mqtt, http).await.unwrap());
    }

    /// A daemon whose heartbeats without push are `interval` apart.
    pub async fn daemon(&self, interval: Duration) -> RunningDaemon {
        let settings = Settings {
            interval,
            daemon_id: "laptop".to_owned(),
            ..Settings::of_this_machine(WORKSPACE_A.parse().unwrap())
        };
        let api = Api::new(http_client().unwrap(), self.client.url().parse().unwrap(), DAEMON_A.token);
        let agents = vec![Agent::new("Sample", "sample", Arc::new(Sample))];
        let daemon = Daemon::new(api, settings, watch::channel(agents).1);
        let mut status = daemon.status();
        let task = tokio::spawn(async move { daemon.run(CancellationToken::new()).await.unwrap() });
        let registered = status.wait_for(|status| !status.runtimes.is_empty()).await.unwrap();
        let runtime = registered.runtimes[0].id.to_string();
        drop(registered);
        RunningDaemon { runtime, status, task }
    }

    /// Rings `count` times; returns the worst time to the models. A ring that is refused because the runtime is offline is repeated,
    /// as a client would.
    pub async fn worst_answer(&self, runtime: &str, count: usize) -> Duration {
        let mut worst = Duration::ZERO;
        for _ in 0..count {
            worst = worst.max(self.answer(runtime).await);
            tokio::time::sleep(PAUSE).await;
        }
        worst
    }

    async fn answer(&self, runtime: &str) -> Duration {
        let path = format!("/api/runtimes/{runtime}/models");
        let ring = format!("{path}?refresh=true&wait=5");
        let started = Stopwatch::start();
        let mut answer = self.client.post(Caller::UserA, &ring, json!({})).await;
        while answer.status == 503 && started.elapsed() < PATIENCE {
            tokio::time::sleep(PAUSE).await;
            answer = self.client.post(Caller::UserA, &ring, json!({})).await;
        }
        while ["pending", "running"].map(Into::into).contains(&answer.body["status"]) {
            let id = answer.body["id"].as_str().unwrap().to_owned();
            answer = self.client.get(Caller::UserA, &format!("{path}/{id}?wait=5")).await;
        }
        assert_eq!(answer.body["status"], "completed", "{answer:?}");
        started.elapsed()
    }

    /// Waits until `runtime` is offline, and returns the time.
    pub async fn offline_after(&self, runtime: &str) -> Duration {
        let started = Stopwatch::start();
        while self.client.find_runtime(runtime).await.unwrap()["status"] != "offline" {
            assert!(started.elapsed() < PATIENCE, "the runtime is still online");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        started.elapsed()
    }
}

impl RunningDaemon {
    pub async fn is_proven(&mut self) {
        let proven = self.status.wait_for(|status| status.push == PushStatus::Proven);
        tokio::time::timeout(PATIENCE, proven).await.unwrap().unwrap();
    }

    pub async fn falls_back(&mut self) {
        let falls_back = self.status.wait_for(|status| matches!(status.push, PushStatus::FallingBack(_)));
        tokio::time::timeout(PATIENCE, falls_back).await.unwrap().unwrap();
    }
}
