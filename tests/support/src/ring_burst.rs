//! Many clients that ring one runtime at once, each on an instance of its own, in virtual time.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorbell_gateway::{WORKSPACE_A, invoke};
use doorbell_protocol::Scope;
use doorbell_shared::clock::Clock as _;
use doorbell_shared::http::AppState;
use doorbell_shared::http::input::AuthorizerContext;
use doorbell_shared::http::routes::Function;
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, Fault, Interceptor};
use doorbell_shared::token_id::TokenId;
use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::event::event_from;
use crate::{VirtualClock, new_daemon_id};

/// Delays each call by a random time, as DynamoDB does: the embedded engine responds inline, which would serialize the rings.
#[derive(Debug)]
pub struct RandomDelays(Mutex<Rng>);

impl RandomDelays {
    const MILLIS: Range<u64> = 2..10;

    fn draw(&self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.0.lock().unwrap_or_else(PoisonError::into_inner).u64(range))
    }
}

impl Interceptor for RandomDelays {
    fn fault(&self, _operation: &str) -> Fault {
        Fault::Delayed(self.draw(Self::MILLIS))
    }
}

/// What happens at once.
#[derive(Clone, Copy, Debug)]
pub struct RingBurst {
    pub clients: usize,
    /// Whether a daemon collects and answers requests within milliseconds. Otherwise none comes before the last ring is answered.
    pub has_daemon: bool,
    /// Whether the rings bypass the catalog.
    pub refresh: bool,
}

/// How the rings were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstOutcome {
    /// Status 200.
    pub answered: usize,
    /// Status 429.
    pub limited: usize,
    /// Those of the answers that came from the catalog.
    pub cached: usize,
    /// Different requests in the other answers.
    pub requests: usize,
    /// Requests that a daemon has collected, or collects afterwards.
    pub discoveries: usize,
}

impl RingBurst {
    /// Runs on a new runtime in the table of `engine`. Time must be paused.
    pub async fn run(self, engine: &EmbeddedDynamoDb, seed: u64) -> BurstOutcome {
        let fixture = Fixture::new(engine, seed).await;
        let rings = join_all((0..self.clients).map(|_| async {
            tokio::time::sleep(fixture.delays.draw(0..5)).await;
            fixture.ring(self.refresh).await
        }));
        let mut discoveries = 0;
        let rings = if self.has_daemon {
            tokio::select! {
                rings = rings => rings,
                () = fixture.serve(&mut discoveries) => unreachable!("a daemon that serves until it is dropped"),
            }
        } else {
            rings.await
        };
        while fixture.collect().await.is_some() {
            discoveries += 1;
        }
        let with_status = |wanted| rings.iter().filter(move |(status, _)| *status == wanted);
        let (cached, requests): (Vec<&Value>, Vec<&Value>) =
            with_status(200).map(|(_, record)| record).partition(|record| record["cached"] == true);
        let requests: BTreeSet<&str> = requests.iter().filter_map(|record| record["id"].as_str()).collect();
        BurstOutcome {
            answered: with_status(200).count(),
            limited: with_status(429).count(),
            cached: cached.len(),
            requests: requests.len(),
            discoveries,
        }
    }
}

struct Fixture {
    delays: Arc<RandomDelays>,
    store: DynamoDbStore,
    clock: Arc<VirtualClock>,
    /// A token of its own, because bursts would use up the rate of a common one.
    token: String,
    runtime: String,
}

impl Fixture {
    async fn new(engine: &EmbeddedDynamoDb, seed: u64) -> Self {
        let delays = Arc::new(RandomDelays(Mutex::new(Rng::with_seed(seed))));
        let store = engine.store_with_interceptor(Arc::<RandomDelays>::clone(&delays));
        let (clock, daemon) = (Arc::new(VirtualClock::default()), new_daemon_id());
        let mut fixture = Self { delays, store, clock, token: daemon.clone(), runtime: String::new() };
        let body = json!({"workspace_id": WORKSPACE_A, "daemon_id": daemon, "runtimes": [{"type": "codex"}]});
        let (_, registered) = fixture.post(Function::Register, "/api/daemon/register", &body).await;
        fixture.runtime = registered["runtimes"][0]["id"].as_str().unwrap().to_owned();
        fixture
    }

    /// Calls a function on a new instance, as workspace A.
    async fn post(&self, function: Function, path: &str, body: &Value) -> (u16, Value) {
        let clock = Arc::<VirtualClock>::clone(&self.clock);
        let state = AppState { clock, ..AppState::new(self.store.clone()) };
        let caller = AuthorizerContext {
            subject: self.token.clone(),
            token_id: Some(TokenId::of_subject(&self.token)),
            scopes: vec![Scope::User, Scope::Daemon],
            workspaces: vec![WORKSPACE_A.parse().unwrap()],
            daemon_id: None,
        };
        let event = event_from(&caller, function, path, body, self.clock.now());
        let response = invoke(function, &state, &state, &event).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    async fn ring(&self, refresh: bool) -> (u16, Value) {
        let path = format!("/api/runtimes/{}/models?refresh={refresh}", self.runtime);
        self.post(Function::Initiate, &path, &json!({})).await
    }

    /// The request that a heartbeat hands out.
    async fn collect(&self) -> Option<String> {
        let body = json!({"runtime_id": self.runtime});
        let (_, response) = self.post(Function::Heartbeat, "/api/daemon/heartbeat", &body).await;
        response["pending_model_list"]["id"].as_str().map(str::to_owned)
    }

    /// Answers one request after the other, within milliseconds.
    async fn serve(&self, discoveries: &mut usize) {
        let models = json!({"status": "completed", "models": [{"id": "gpt-6", "label": "GPT-6"}]});
        loop {
            if let Some(request) = self.collect().await {
                *discoveries += 1;
                tokio::time::sleep(Duration::from_millis(3)).await;
                let path = format!("/api/daemon/runtimes/{}/models/{request}/result", self.runtime);
                let (status, reported) = self.post(Function::Report, &path, &models).await;
                assert_eq!(status, 200, "{reported}");
            }
        }
    }
}
