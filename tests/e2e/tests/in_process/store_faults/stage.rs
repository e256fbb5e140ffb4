//! The items that an operation runs on, with ids that are the same in a retry, and the state that it leaves.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use doorbell_protocol::limits::OPEN_REQUESTS_PER_RUNTIME;
use doorbell_protocol::{Question, Scope, Timestamp, WorkspaceId};
use doorbell_shared::access::Principal;
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::enrolment::Enrolment;
use doorbell_shared::http::token_rates::TokenLimits;
use doorbell_shared::id_gen;
use doorbell_shared::presence::PushLease;
use doorbell_shared::questions::Questions;
use doorbell_shared::rate_limit::{Charge, TokenAction};
use doorbell_shared::request::{
    Address, KindFilter, LeaseToken, OpenRequest, Payload, Request, RequestOutcome, Ring, State,
};
use doorbell_shared::runtime::{Registration, Runtime, RuntimeIdNamespace, ShortText};
use doorbell_shared::store::conformance::{Replicas, TestContext};
use doorbell_shared::store::dynamodb::DynamoDbStore;
use doorbell_shared::store::dynamodb::embedded::{EmbeddedDynamoDb, TABLE};
use doorbell_shared::store::{FindTokenOutcome, PollOutcome, Store as _, TokenStore as _};
use doorbell_shared::token::{Token, TokenRecord};
use doorbell_shared::token_id::TokenId;

use crate::store_faults::operations::Before;

/// The idempotency key of [`Stage::request`].
pub(crate) const USED_KEY: &str = "used";

/// How long after the operation the state is read.
const LATER: Duration = Duration::from_millis(1);

pub(crate) struct Stage {
    pub(crate) context: TestContext<DynamoDbStore>,
    pub(crate) request: Request,
    /// The push lease of the runtime, with [`Before::Leased`].
    pub(crate) lease: Option<PushLease>,
    /// A ring without a request.
    pub(crate) ring: Ring,
    pub(crate) lease_token: LeaseToken,
    pub(crate) token: TokenRecord,
    /// A code, which exists with [`Before::Enrolled`] and [`Before::Redeemed`].
    pub(crate) enrolment: Enrolment,
    /// The daemon that redeems it.
    pub(crate) daemon: ShortText,
    /// The token that the redemption creates.
    pub(crate) redeeming: Token,
    /// The namespace that a registration offers.
    pub(crate) namespace: RuntimeIdNamespace,
    /// A workspace without runtimes.
    pub(crate) new_workspace: WorkspaceId,
    /// An early charge after the one of [`Before::Charged`].
    pub(crate) charge: Charge,
    engine: EmbeddedDynamoDb,
}

impl Stage {
    pub(crate) async fn new(engine: &EmbeddedDynamoDb, before: Before) -> Self {
        let context =
            TestContext::new(Replicas { replica_a: engine.store(), replica_b: engine.store() }).await;
        let lease = if before == Before::Leased { Some(context.lease(context.start).await) } else { None };
        if before == Before::Listed {
            let listed = context.ring(context.start).await.address;
            let result = RequestOutcome::Completed(Payload::try_from("[0]".to_owned()).unwrap());
            context.report_with(CatalogUpdate::Replace, listed, &result, context.start).await;
        }
        let keyed =
            Ring { idempotency_key: Some(USED_KEY.parse().unwrap()), ..context.new_ring(context.start) };
        let mut request = context.enqueue(&keyed, context.start).await;
        if matches!(before, Before::Claimed | Before::Listed) {
            request = context.claim(request.address, context.start).await;
        }
        if before == Before::Full {
            for second in 1..OPEN_REQUESTS_PER_RUNTIME {
                let now = context.start + Duration::from_millis(250) * u32::try_from(second).unwrap();
                context.ring(now).await;
            }
        }
        if before == Before::Declared {
            context.register(&context.replica_a, declaring(&context), context.start).await;
        }
        let ring = context.new_ring(context.at(6));
        let lease_token = context.lease_token();
        let token = token(&context);
        if before == Before::TokenIssued {
            context.replica_a.issue_token(&token).await.unwrap();
        }
        let enrolment = enrolment(&context);
        let daemon = ShortText::try_from("daemon".to_owned()).unwrap();
        if [Before::Enrolled, Before::Redeemed].contains(&before) {
            context.replica_a.create_enrolment(&enrolment).await.unwrap();
        }
        if before == Before::Redeemed {
            let lost = new_token();
            context.replica_a.redeem_enrolment(enrolment.hash, &daemon, &lost, context.start).await.unwrap();
        }
        let namespace = context.namespace();
        let new_workspace = context.other_tenant().workspaces.iter().next().unwrap();
        let mut charge = charge(&context);
        if before == Before::Charged {
            context.replica_a.charge(&charge, context.start).await.unwrap();
            charge.id = context.address(context.start).request;
        }
        let engine = engine.clone();
        Self {
            context,
            request,
            lease,
            ring,
            lease_token,
            token,
            enrolment,
            daemon,
            redeeming: new_token(),
            namespace,
            new_workspace,
            charge,
            engine,
        }
    }

    /// The state at `now`, without ids.
    pub(crate) async fn observe(&self, now: Timestamp) -> Vec<String> {
        let context = &self.context;
        let now = now + LATER;
        let runtimes = context.list_runtimes(now).await;
        let mut state = Vec::new();
        for Runtime { presence, last_seen_at, .. } in &runtimes {
            let [until, seen] = [presence.online_until, *last_seen_at].map(|time| time.since(context.start));
            state
                .push(format!("online until {until:?}, leased {}, seen {seen:?}", presence.client.is_some()));
        }
        let client = context.client("daemon");
        let connection = self.item(format!("connection#{client}"), "connection").await;
        state.push(format!(
            "connected runtimes {:?}",
            connection.map(|item| item["runtimes"].as_ss().unwrap().len())
        ));
        let elsewhere = context.replica_b.list_runtimes(self.new_workspace, None, 10, now).await.unwrap();
        state.push(format!("in the new workspace {}", elsewhere.runtimes.len()));
        let questions = runtimes.iter().map(|runtime| runtime.questions.iter().count());
        state.push(format!("questions {}", questions.sum::<usize>()));
        let found = context.replica_b.find_question(
            context.runtime,
            "disk_usage".parse().unwrap(),
            &context.caller,
            now,
        );
        state.push(format!("question {:?}", found.await.unwrap()));
        state.push(format!("open {}", self.open(now).await));
        state.push(self.catalog().await);
        let tokens = context.replica_b.list_tokens(context.workspace, now).await.unwrap();
        state.push(format!("tokens {}", tokens.len()));
        let connections = context.replica_b.find_token_connections(self.token.hash).await.unwrap();
        state.push(format!("connections of the token {}", connections.len()));
        state.push(self.enrolment_state(now).await);
        let used = tokens.iter().filter_map(|token| token.last_used_at);
        state.extend(used.map(|used| format!("used after {:?}", used.since(context.start))));
        let runtime = format!("runtime#{}", context.runtime);
        state.push(format!("rate limit {:?}", self.tat(runtime, "runtime").await));
        let caller = format!("caller#{}", self.charge.token);
        state.push(format!("rate limit of the token {:?}", self.tat(caller, "rate#ring").await));
        for address in [self.request.address, self.ring.address] {
            state.push(
                match context.replica_b.poll(address, KindFilter::Any, &context.caller, now).await.unwrap() {
                    PollOutcome::Found(request) | PollOutcome::TimedOut(request) => self.shape(&request),
                    PollOutcome::NotFound => "no request".to_owned(),
                },
            );
            state.push(self.history(address, now).await);
        }
        state
    }

    /// The caller with a token that is bound to the runtime's daemon.
    pub(crate) fn bound_caller(&self) -> Principal {
        Principal { daemon_id: Some(self.daemon.clone()), ..self.context.caller.clone() }
    }

    /// The item of the code, and whether the token of the redemption is valid.
    async fn enrolment_state(&self, now: Timestamp) -> String {
        let item = self.item(format!("enrolment#{}", self.enrolment.hash), "enrolment").await;
        let redeemed = item.as_ref().map(|item| item.contains_key("redemption"));
        let found = self.context.replica_b.find_token(self.redeeming.hash(), now).await.unwrap();
        let is_valid = matches!(found, FindTokenOutcome::Found(_));
        format!("enrolment redeemed {redeemed:?}, its token valid {is_valid}")
    }

    /// The item of the catalog, without its end, which follows from its time.
    async fn catalog(&self) -> String {
        let Self { context, request, .. } = self;
        let item =
            self.item(format!("runtime#{}", context.runtime), &format!("catalog#{}", request.kind)).await;
        let Some(item) = item else { return "no snapshot".to_owned() };
        let stored_at: i64 = item["stored_at"].as_n().unwrap().parse().unwrap();
        let [text, zlib] = ["result", "result_zlib"].map(|name| item.get(name));
        format!("snapshot {text:?} {zlib:?} after {} ms", stored_at - context.start.millis())
    }

    /// The open requests in the open set. Ids of ended requests, and of requests that were never put, are hints that may be left over.
    async fn open(&self, now: Timestamp) -> usize {
        let Some(item) = self.item(format!("runtime#{}", self.context.runtime), "runtime").await else {
            return 0;
        };
        let entries = item.get("open").map(|open| open.as_ss().unwrap().clone()).unwrap_or_default();
        let mut open = 0;
        for entry in entries {
            let entry: OpenRequest = entry.parse().unwrap();
            let address = Address { runtime: self.context.runtime, request: entry.request };
            let found = self.context.poll(&self.context.replica_b, address, now).await;
            open += usize::from(found.is_some_and(|request| request.is_open(now)));
        }
        open
    }

    /// A registration of the runtime with a question.
    pub(crate) fn declaring(&self) -> Registration {
        declaring(&self.context)
    }

    fn shape(&self, request: &Request) -> String {
        let attempt = match request.state {
            State::Running(lease) => lease.attempt,
            _ => 0,
        };
        let changed = request.updated_at.since(self.context.start);
        let notified = request.notified_at.map(|notified| notified.since(self.context.start));
        let progress = request.progress.is_some();
        format!("{} {attempt} {changed:?} {notified:?} {progress}", request.state.status().as_str())
    }

    /// The history in the request's item.
    async fn history(&self, address: Address, now: Timestamp) -> String {
        let Stage { context, .. } = self;
        let find =
            context.replica_b.find_request(context.workspace, Some(context.runtime), address.request, now);
        match find.await.unwrap().map(|found| found.history) {
            Some(history) => {
                let reported = history.reported_by.is_some();
                let cancelled = history.cancelled_by.is_some();
                format!(
                    "rung {}, deliveries {}, reported {reported}, cancelled {cancelled}",
                    history.asked_by.is_some(),
                    history.deliveries.len()
                )
            }
            None => "no history".to_owned(),
        }
    }

    async fn item(&self, pk: String, sk: &str) -> Option<HashMap<String, AttributeValue>> {
        let key = |name: &str, value: String| (name.to_owned(), AttributeValue::S(value));
        let key = [key("pk", pk), key("sk", sk.to_owned())];
        let get = self.engine.client(None).get_item().table_name(TABLE).set_key(Some(key.into()));
        get.send().await.unwrap().item
    }

    /// The stored TAT of a rate limit, in milliseconds after the start.
    async fn tat(&self, pk: String, sk: &str) -> Option<i64> {
        let item = self.item(pk, sk).await?;
        let tat: i64 = item["rate_limit_tat"].as_n().unwrap().parse().unwrap();
        Some(tat - self.context.start.millis())
    }
}

fn declaring(context: &TestContext<DynamoDbStore>) -> Registration {
    let mut registration = context.registration("codex");
    let questions: Vec<Question> = serde_json::from_str(r#"[{"name":"disk_usage","timeout_s":7}]"#).unwrap();
    registration.runtimes[0].questions = Questions::try_from(questions).unwrap();
    registration
}

/// The first call of a token.
fn charge(context: &TestContext<DynamoDbStore>) -> Charge {
    let token = TokenId::of_subject(&context.workspace.to_string());
    let id = context.address(context.start).request;
    let rate = TokenLimits::default().rings;
    Charge { token, action: TokenAction::Ring, rate, id, known_tat: None }
}

fn new_token() -> Token {
    id_gen::token(Scope::Daemon).unwrap()
}

/// A code that has not been stored.
fn enrolment(context: &TestContext<DynamoDbStore>) -> Enrolment {
    Enrolment {
        hash: id_gen::enrolment_code().unwrap().hash(),
        workspace: context.workspace,
        subject: None,
        created_at: context.start,
        expires_at: context.at(600),
        redemption: None,
    }
}

/// A token that has not been issued.
fn token(context: &TestContext<DynamoDbStore>) -> TokenRecord {
    let token = new_token();
    TokenRecord {
        hash: token.hash(),
        subject: ShortText::try_from("build machine".to_owned()).unwrap(),
        scopes: [Scope::Daemon].into(),
        workspaces: context.caller.workspaces.clone(),
        created_at: context.start,
        expires_at: None,
        last_four: token.last_four(),
        daemon_id: None,
        last_used_at: None,
    }
}
