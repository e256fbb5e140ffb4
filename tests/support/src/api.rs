//! The API over HTTP on loopback: the local gateway in front of the real functions on the embedded engine.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use doorbell_functions::auth::oidc::Oidc;
use doorbell_gateway::{self, Authenticator, Gateway, Origins};
use doorbell_shared::clock::Clock;
use doorbell_shared::http::AppState;
use doorbell_shared::store::dynamodb::embedded::EmbeddedDynamoDb;
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Store, TokenStore};
use tokio::net::TcpListener;

use crate::client::{Client, Workspace};
use crate::{TestClock, lambda};

/// A served API. It ends with the test's tokio runtime.
#[derive(Debug)]
pub struct TestApi {
    /// The clock of the functions.
    pub clock: Arc<TestClock>,
    client: Client,
}

pub const WORKSPACE_A: &str = doorbell_gateway::WORKSPACE_A;
pub const WORKSPACE_B: &str = doorbell_gateway::WORKSPACE_B;

impl TestApi {
    /// Serves on a new embedded engine.
    pub async fn start() -> Self {
        Self::with_store(EmbeddedDynamoDb::start().await.unwrap().store()).await
    }

    /// Serves on `store`, with the tokens of `doorbell dev`.
    pub async fn with_store<S: Store + 'static>(store: S) -> Self {
        let clock = Arc::new(TestClock::default());
        let tokens = MemoryStore::default();
        doorbell_gateway::issue_dev_tokens(&tokens, clock.now()).await.unwrap();
        Self::serve(store, tokens, None, clock).await
    }

    /// Serves on a new embedded engine, with the functions behind Lambda's `Invoke`.
    pub async fn start_deployed() -> Self {
        let clock = Arc::new(TestClock::default());
        let tokens = MemoryStore::default();
        doorbell_gateway::issue_dev_tokens(&tokens, clock.now()).await.unwrap();
        let store = EmbeddedDynamoDb::start().await.unwrap().store();
        let functions = lambda::serve(Self::state(store, &clock), Self::state(tokens, &clock)).await;
        let url = lambda::serve_gateway(&functions).await;
        Self { clock, client: Client::new(url, Workspace::of_dev()) }
    }

    /// Serves on `store`, authenticated by `tokens` and `oidc`.
    pub async fn serve<S: Store + 'static, T: TokenStore + 'static>(
        store: S,
        tokens: T,
        oidc: Option<Oidc>,
        clock: Arc<TestClock>,
    ) -> Self {
        let authenticator = Authenticator { state: Self::state(tokens, &clock), oidc };
        let state = Self::state(store, &clock);
        let gateway = Gateway { state, authenticator, origins: Origins::default(), sign_in: None };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(doorbell_gateway::serve(listener, gateway, std::future::pending()));
        Self { clock, client: Client::new(format!("http://{addr}"), Workspace::of_dev()) }
    }

    fn state<S>(store: S, clock: &Arc<TestClock>) -> AppState<S> {
        AppState { clock: Arc::<TestClock>::clone(clock), ..AppState::new(store) }
    }

    /// Advances the clock.
    pub fn advance_secs(&self, seconds: f64) {
        self.clock.advance(Duration::from_secs_f64(seconds));
    }

    /// Registers the runtime of one fixed daemon in workspace A; returns its id.
    pub async fn runtime(&self) -> String {
        self.register("my-laptop").await
    }
}

impl Deref for TestApi {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
