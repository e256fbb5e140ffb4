//! Two workspaces, each with a runtime and requests in every state.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use doorbell_protocol::limits::{RUNTIMES_PER_PAGE, TOKENS_PER_PAGE};
use doorbell_protocol::{Kind, Question, Scope, Timestamp};
use doorbell_protocol::{RuntimeId, WorkspaceId};
use doorbell_shared::access::{Principal, Workspaces};
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::clock::Clock;
use doorbell_shared::enrolment::{Enrolment, EnrolmentCode};
use doorbell_shared::http::AppState;
use doorbell_shared::kinds::built_in;
use doorbell_shared::questions::Questions;
use doorbell_shared::request::LeaseToken;
use doorbell_shared::request::{
    Address, ClaimFilter, Deadlines, ErrorText, KindFilter, Payload, Request, RequestOutcome, Ring,
};
use doorbell_shared::runtime::{Registration, Runtime, RuntimeDescription, RuntimeIdNamespace, ShortText};
use doorbell_shared::store::{PollOutcome, Store, TokenStore};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_test_support::TestClock;
use uuid::Uuid;

/// In this order: pending, running, completed and failed of `model_list`, running of a question, pending of `local_skills`.
pub(crate) const REQUESTS: [&str; 6] = [
    "01930000000070008000000000000001",
    "01930000000070008000000000000002",
    "01930000000070008000000000000003",
    "01930000000070008000000000000004",
    "01930000000070008000000000000005",
    "01930000000070008000000000000006",
];

pub(crate) const WORKSPACES: [&str; 2] =
    [doorbell_test_support::api::WORKSPACE_A, doorbell_test_support::api::WORKSPACE_B];

/// Enrolment codes, one of each workspace.
pub(crate) const CODES: [&str; 2] = ["AAAA-AAAA-AAAA-AAAA", "BBBB-BBBB-BBBB-BBBB"];

/// One of each workspace.
const TOKENS: [&str; 2] = ["dbd_fuzz_a", "dbd_fuzz_b"];

/// The ids of the tokens.
pub(crate) static TOKEN_IDS: LazyLock<[String; 2]> =
    LazyLock::new(|| TOKENS.map(|token| Token::parse(token).unwrap().hash().id().to_string()));

/// One of each workspace.
pub(crate) static RUNTIMES: LazyLock<[String; 2]> =
    LazyLock::new(|| WORKSPACES.map(|workspace| runtime(workspace).to_string()));

/// Derived from the workspace's id, so that [`RUNTIMES`] is the same in every fixture.
fn namespace(workspace: &str) -> RuntimeIdNamespace {
    RuntimeIdNamespace::from_uuid(Uuid::parse_str(workspace).unwrap())
}

fn runtime(workspace: &str) -> RuntimeId {
    namespace(workspace).runtime_id("laptop", "codex", "")
}

fn registration(workspace: &str) -> Registration {
    let workspace: WorkspaceId = workspace.parse().unwrap();
    let text = |text: &str| ShortText::try_from(text.to_owned()).unwrap();
    let question = Question {
        name: question_kind(),
        description: None,
        args_schema: None,
        result_schema: None,
        timeout_s: None,
    };
    let codex = RuntimeDescription {
        provider: text("codex"),
        profile_id: None,
        name: text("Codex"),
        version: None,
        online: true,
        questions: Questions::try_from(vec![question]).unwrap(),
    };
    Registration {
        workspace,
        daemon_id: text("laptop"),
        device_name: None,
        cli_version: None,
        owner_id: None,
        runtimes: vec![codex],
    }
}

/// A new one for every event.
pub(crate) struct Fixtures<S> {
    pub(crate) state: AppState<S>,
    now: Timestamp,
}

/// What polls and lists show of one workspace, and its tokens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    requests: Vec<Option<Request>>,
    runtimes: Vec<Runtime>,
    tokens: Vec<TokenRecord>,
}

impl<S: Store + TokenStore> Fixtures<S> {
    /// On an empty `store`.
    pub(crate) async fn new(store: S) -> Self {
        let clock = Arc::new(TestClock::default());
        let now = clock.now();
        let fixtures = Self { state: AppState { clock, ..AppState::new(store) }, now };
        for workspace in WORKSPACES {
            fixtures.seed(workspace).await;
        }
        fixtures
    }

    async fn seed(&self, workspace: &str) {
        let store = &self.state.store;
        let caller = caller(workspace);
        store.register(registration(workspace), namespace(workspace), self.now).await.unwrap();
        let [_, running, completed, failed, question, _] = addresses(workspace);
        for (address, kind) in addresses(workspace).into_iter().zip(kinds()) {
            let deadlines =
                built_in(kind).map_or(Deadlines::of_seconds(30, 60, 3_600), |kind| kind.deadlines);
            store.initiate(&Ring::new(address, kind, deadlines), &caller, self.now).await.unwrap();
        }
        for (claimed, token) in [(running, 1), (question, 2)] {
            let token = LeaseToken::from_uuid(Uuid::from_u128(token));
            store.claim(claimed, &caller, ClaimFilter::Pending, token, self.now).await.unwrap();
        }
        let models = r#"{"models":[{"id":"gpt-6","label":"GPT-6"}],"supported":true}"#;
        let result = RequestOutcome::Completed(Payload::try_from(models.to_owned()).unwrap());
        store
            .report(completed, KindFilter::Any, &caller, &result, CatalogUpdate::Keep, self.now)
            .await
            .unwrap();
        let failure = RequestOutcome::Failed(ErrorText::from("not logged in".to_owned()));
        store
            .report(failed, KindFilter::Any, &caller, &failure, CatalogUpdate::Keep, self.now)
            .await
            .unwrap();
        store.issue_token(&token(workspace, self.now)).await.unwrap();
        store.create_enrolment(&enrolment(workspace, self.now)).await.unwrap();
    }

    pub(crate) async fn snapshot(&self, workspace: &str) -> Snapshot {
        let store = &self.state.store;
        let caller = caller(workspace);
        let mut requests = Vec::new();
        for address in addresses(workspace) {
            requests.push(match store.poll(address, KindFilter::Any, &caller, self.now).await.unwrap() {
                PollOutcome::Found(request) | PollOutcome::TimedOut(request) => Some(request),
                PollOutcome::NotFound => None,
            });
        }
        let workspace = workspace.parse().unwrap();
        let page = store.list_runtimes(workspace, None, RUNTIMES_PER_PAGE, self.now).await;
        let tokens = store.list_token_page(workspace, None, TOKENS_PER_PAGE, self.now).await;
        Snapshot { requests, runtimes: page.unwrap().runtimes, tokens: tokens.unwrap().tokens }
    }
}

/// The index of a workspace in [`CODES`] and [`TOKENS`].
fn index(workspace: &str) -> usize {
    WORKSPACES.iter().position(|known| *known == workspace).unwrap()
}

fn token(workspace: &str, now: Timestamp) -> TokenRecord {
    let token = Token::parse(TOKENS[index(workspace)]).unwrap();
    TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from("laptop".to_owned()).unwrap(),
        scopes: [Scope::Daemon].into(),
        workspaces: Workspaces::of(workspace.parse().unwrap()),
        daemon_id: None,
        created_at: now,
        expires_at: None,
        last_four: token.last_four(),
        last_used_at: None,
    }
}

fn enrolment(workspace: &str, now: Timestamp) -> Enrolment {
    Enrolment {
        hash: EnrolmentCode::parse(CODES[index(workspace)]).unwrap().hash(),
        workspace: workspace.parse().unwrap(),
        subject: None,
        created_at: now,
        expires_at: now + Duration::from_secs(600),
        redemption: None,
    }
}

fn caller(workspace: &str) -> Principal {
    Principal::of_workspaces([workspace.parse().unwrap()])
}

fn addresses(workspace: &str) -> [Address; 6] {
    let runtime = runtime(workspace);
    REQUESTS.map(|request| Address { runtime, request: request.parse().unwrap() })
}

fn question_kind() -> Kind {
    "disk_usage".parse().unwrap()
}

/// The kinds of [`REQUESTS`].
fn kinds() -> [Kind; 6] {
    let models = Kind::MODEL_LIST;
    [models, models, models, models, question_kind(), Kind::LOCAL_SKILLS]
}
