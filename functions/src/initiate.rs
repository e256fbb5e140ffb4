//! Initiate: a client rings a runtime. `POST /api/runtimes/{runtimeId}/{kind}`.
//!
//! A kind with a catalog is answered with its snapshot, if there is one. Otherwise a request is made, and after a 200 polls find it. With
//! `?wait=` the response is held until the request has ended.

mod cached;

use std::time::Duration;

use doorbell_protocol::limits::{ARGS_BYTES, QUEUE_MAX_S};
use doorbell_protocol::{IdempotencyKey, Json, Kind, RuntimeId, Scope};
use doorbell_shared::access::Principal;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{
    ApiError, AppState, HttpRequest, Response, input, respond_held, within_call_timeout,
};
use doorbell_shared::kinds::{JsonText, RouteKind, built_in};
use doorbell_shared::presence::PushLease;
use doorbell_shared::rate_limit::TokenAction;
use doorbell_shared::request::{Address, Deadlines, KindFilter, Request, Ring};
use doorbell_shared::store::{CancelOutcome, FindQuestionOutcome, InitiateOutcome, Store};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::held::{Hold, read};
use crate::notify::{Notified, notify, wake};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond_held("initiate", request, initiate(state, request)).await
}

async fn initiate<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<JsonText, ApiError> {
    let route = input::route_kind(request)?;
    let caller = caller(request, Scope::User)?;
    input::limit_body(request)?;
    let runtime = input::runtime(request)?;
    let hold = Hold::of(request)?;
    let key = input::idempotency_key(request)?;
    let asked = Asked::on(route, request)?;

    let operation = Operation::Enqueue(route.enqueue_failure());
    let initiate = Initiate { state, caller, runtime, route, operation };
    let answer = initiate.answer(asked, key, input::is_refresh(request));
    let request = match within_call_timeout(|| operation, answer).await? {
        RingAnswer::Cached(record) => return Ok(record),
        RingAnswer::Request(request) => *request,
    };
    let address = request.address;
    let again = || read(state, address, route.filter(), &initiate.caller);
    let request = hold.until_ended(request, again).await;
    route.render(&request).map_err(|_| ApiError::CorruptResult(operation))
}

/// What answers a ring.
enum RingAnswer {
    /// The record of a snapshot.
    Cached(JsonText),
    /// A new request, or an earlier one.
    Request(Box<Request>),
}

/// What a client asks.
struct Asked {
    kind: Kind,
    args: Option<Json>,
    queue: Duration,
}

/// The body on the route of every kind, before its fields are checked.
#[derive(Deserialize)]
struct Body {
    kind: Option<String>,
    args: Option<Json>,
    queue_s: Option<Box<RawValue>>,
}

impl Asked {
    /// A kind's own route ignores the body.
    fn on(route: RouteKind, request: &HttpRequest) -> Result<Self, ApiError> {
        match route {
            RouteKind::BuiltIn(built_in) => {
                Ok(Self { kind: built_in.kind, args: None, queue: Duration::ZERO })
            }
            RouteKind::Any => Self::try_from(input::body::<Body>(request)?),
        }
    }
}

impl TryFrom<Body> for Asked {
    type Error = ApiError;
    fn try_from(body: Body) -> Result<Self, ApiError> {
        let kind = input::required(body.kind, ApiError::KindRequired)?;
        let kind = kind.parse().map_err(|_| ApiError::InvalidKind)?;
        let queue = body.queue_s.map(|queue| queue_time(&queue)).transpose()?;
        if body.args.as_ref().is_some_and(|args| args.as_str().len() > ARGS_BYTES) {
            return Err(ApiError::ArgsTooLarge);
        }
        Ok(Self { kind, args: body.args, queue: queue.unwrap_or_default() })
    }
}

fn queue_time(seconds: &RawValue) -> Result<Duration, ApiError> {
    let seconds: u32 = serde_json::from_str(seconds.get()).map_err(|_| ApiError::InvalidQueue)?;
    if seconds > QUEUE_MAX_S {
        return Err(ApiError::InvalidQueue);
    }
    Ok(Duration::from_secs(seconds.into()))
}

struct Initiate<'a, S> {
    state: &'a AppState<S>,
    caller: Principal,
    runtime: RuntimeId,
    route: RouteKind,
    operation: Operation,
}

impl<S: Store> Initiate<'_, S> {
    async fn answer(
        &self,
        asked: Asked,
        key: Option<IdempotencyKey>,
        is_refresh: bool,
    ) -> Result<RingAnswer, ApiError> {
        if !is_refresh && let Some(record) = self.cached(&asked, key.as_ref()).await? {
            return Ok(RingAnswer::Cached(record));
        }
        Ok(RingAnswer::Request(Box::new(self.ring(asked, key).await?)))
    }

    /// The request that answers the ring: a new one, or an earlier one.
    async fn ring(&self, asked: Asked, idempotency_key: Option<IdempotencyKey>) -> Result<Request, ApiError> {
        let AppState { store, id_gen, rates, .. } = self.state;
        let now = self.state.clock.now();
        let admitted = rates.admit(TokenAction::Ring, &self.caller, store, &**id_gen, now).await;
        admitted.map_err(ApiError::RingsLimited)?;
        let deadlines = self.deadlines(asked.kind).await?.with_queue(asked.queue);
        let address = Address { runtime: self.runtime, request: id_gen.request_id(now) };
        let joins = asked.args.is_none() && idempotency_key.is_none();
        let ring = Ring { address, kind: asked.kind, args: asked.args, deadlines, idempotency_key, joins };

        let outcome = store.initiate(&ring, &self.caller, now).await;
        match outcome.map_err(self.operation.failed())? {
            InitiateOutcome::Enqueued(request, None) => Ok(request),
            InitiateOutcome::Enqueued(request, Some(lease)) => self.notify(request, &lease).await,
            InitiateOutcome::Existing(request) => self.up_to_date(request).await,
            InitiateOutcome::IdempotencyKeyUsed => Err(ApiError::IdempotencyKeyUsed),
            InitiateOutcome::QueueFull => Err(ApiError::TooManyOpenRequests),
            InitiateOutcome::Offline(client) => {
                if let Some(client) = client {
                    wake(self.state, self.runtime, &client).await;
                }
                Err(ApiError::RuntimeOffline)
            }
            InitiateOutcome::RateLimited(limited) => Err(ApiError::RateLimited(limited)),
            InitiateOutcome::NotFound => Err(ApiError::RuntimeNotFound),
        }
    }

    /// Notifies the daemon. If that shows that the runtime is offline, the request is withdrawn: the client rings again, and the daemon
    /// would do the work twice.
    async fn notify(&self, request: Request, lease: &PushLease) -> Result<Request, ApiError> {
        let notified = notify(self.state, self.runtime, lease).await;
        if notified == Notified::Online || request.deadlines.queued {
            return Ok(request);
        }
        let AppState { store, clock, .. } = self.state;
        match store.cancel(request.address, KindFilter::Any, &self.caller, clock.now()).await {
            Ok(CancelOutcome::Cancelled(_) | CancelOutcome::NotFound) => Err(ApiError::RuntimeOffline),
            // A heartbeat came in between.
            Ok(CancelOutcome::Ended(request)) => Ok(request),
            Err(error) => {
                tracing::warn!(%error, "request to an offline runtime not withdrawn");
                Ok(request)
            }
        }
    }

    /// The deadlines of a built-in kind, or of a question that the runtime declares.
    async fn deadlines(&self, kind: Kind) -> Result<Deadlines, ApiError> {
        if let Some(built_in) = built_in(kind) {
            return Ok(built_in.deadlines);
        }
        let now = self.state.clock.now();
        let outcome = self.state.store.find_question(self.runtime, kind, &self.caller, now).await;
        match outcome.map_err(self.operation.failed())? {
            FindQuestionOutcome::Found(deadlines) => Ok(deadlines),
            FindQuestionOutcome::NotDeclared => Err(ApiError::UnknownKind),
            FindQuestionOutcome::RuntimeNotFound => Err(ApiError::RuntimeNotFound),
        }
    }

    /// An earlier request may be past its deadline. Its timeout is written before it is shown, as in a poll.
    async fn up_to_date(&self, request: Request) -> Result<Request, ApiError> {
        if request.timeout_reason(self.state.clock.now()).is_none() {
            return Ok(request);
        }
        let kinds = self.route.filter();
        let read = read(self.state, request.address, kinds, &self.caller).await;
        Ok(read.map_err(self.operation.failed())?.unwrap_or(request))
    }
}
