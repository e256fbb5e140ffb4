//! Two workspaces with a runtime each and requests in every state, new for every event.

use std::sync::{Arc, LazyLock};

use doorbell_protocol::Kind;
use doorbell_protocol::Timestamp;
use doorbell_protocol::{RuntimeId, WorkspaceId};
use doorbell_shared::access::Workspaces;
use doorbell_shared::clock::Clock;
use doorbell_shared::http::AppState;
use doorbell_shared::request::LeaseToken;
use doorbell_shared::request::{Address, Delivery, ErrorText, Payload, Request, RequestOutcome};
use doorbell_shared::runtime::{Registration, Runtime, ShortText};
use doorbell_shared::store::memory::MemoryStore;
use doorbell_shared::store::{Heartbeat, Initiate, Poll, PollOutcome, Register, Report, Runtimes};
use doorbell_test_support::TestClock;

/// The ids of the requests: pending, running, completed, failed.
pub(crate) const REQUESTS: [&str; 4] = [
    "01930000000070008000000000000001",
    "01930000000070008000000000000002",
    "01930000000070008000000000000003",
    "01930000000070008000000000000004",
];

/// The two workspaces' ids.
pub(crate) const WORKSPACES: [&str; 2] =
    [doorbell_test_support::api::WORKSPACE_A, doorbell_test_support::api::WORKSPACE_B];

/// Their runtimes' ids.
pub(crate) static RUNTIMES: LazyLock<[String; 2]> =
    LazyLock::new(|| WORKSPACES.map(|workspace| registration(workspace).id.to_string()));

fn registration(workspace: &str) -> Registration {
    let workspace: WorkspaceId = workspace.parse().unwrap();
    let text = |text: &str| ShortText::try_from(text.to_owned()).unwrap();
    Registration {
        id: RuntimeId::derive(workspace, "laptop", "codex", ""),
        workspace,
        daemon_id: text("laptop"),
        provider: text("codex"),
        name: text("Codex"),
        online: true,
    }
}

/// What a function is called on.
pub(crate) struct World {
    pub(crate) backend: AppState<MemoryStore>,
    now: Timestamp,
}

/// What can be seen of one workspace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    requests: Vec<Option<Request>>,
    runtimes: Vec<Runtime>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(TestClock::default());
        let now = clock.now();
        let world = Self { backend: AppState { clock, ..AppState::new(MemoryStore::default()) }, now };
        for workspace in WORKSPACES {
            world.furnish(workspace).await;
        }
        world
    }

    async fn furnish(&self, workspace: &str) {
        let (store, allowed) = (&self.backend.store, allowed(workspace));
        store.register(registration(workspace), self.now).await.unwrap();
        let [pending, running, completed, failed] = addresses(workspace);
        for address in [pending, running, completed, failed] {
            store.initiate(address, &allowed, self.now).await.unwrap();
        }
        let claim: LeaseToken = REQUESTS[0].parse().unwrap();
        store.claim(running, Delivery::First, claim, self.now).await.unwrap();
        let models = r#"{"models":[{"id":"gpt-6","label":"GPT-6"}],"supported":true}"#;
        let answer = RequestOutcome::Completed(Payload::try_from(models.to_owned()).unwrap());
        store.report(completed, &allowed, &answer, self.now).await.unwrap();
        let failure = RequestOutcome::Failed(ErrorText::from("not logged in".to_owned()));
        store.report(failed, &allowed, &failure, self.now).await.unwrap();
    }

    /// What polls and lists show of a workspace.
    pub(crate) async fn seen(&self, workspace: &str) -> Seen {
        let (store, allowed) = (&self.backend.store, allowed(workspace));
        let mut requests = Vec::new();
        for address in addresses(workspace) {
            requests.push(match store.poll(address, &allowed, self.now).await.unwrap() {
                PollOutcome::Found(request) | PollOutcome::TimedOut(request) => Some(request),
                PollOutcome::NotFound => None,
            });
        }
        Seen { requests, runtimes: store.runtimes(workspace.parse().unwrap(), self.now).await.unwrap() }
    }
}

fn allowed(workspace: &str) -> Workspaces {
    [workspace.parse().unwrap()].into_iter().collect()
}

fn addresses(workspace: &str) -> [Address; 4] {
    let runtime = registration(workspace).id;
    REQUESTS.map(|request| Address { runtime, request: request.parse().unwrap(), kind: Kind::ModelList })
}
