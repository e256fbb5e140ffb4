//! Report: a daemon reports the outcome of a request, or its progress.
//! `POST /api/daemon/runtimes/{runtimeId}/{kind}/{requestId}/result`.
//!
//! Daemons stop at any 4xx and retry a 5xx, so a store failure is always a 500. A report on a request that has ended is ignored
//! and answered 200. A report whose result cannot be stored is a 4xx and fails its request, so that the client gets the reason
//! instead of a timeout. A body that is not a report is a 400 and changes nothing.

use doorbell_protocol::{Ack, Json, ReportResponse, Scope, Timestamp};
use doorbell_shared::access::Principal;
use doorbell_shared::catalog::CatalogUpdate;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::Operation;
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, metrics, respond};
use doorbell_shared::kinds::question::{self, Accepted};
use doorbell_shared::kinds::{BUILT_IN, BUILT_IN_NAMES, BuiltInKind, Rejected, RouteKind};
use doorbell_shared::request::{Address, KindFilter, RequestOutcome};
use doorbell_shared::store::{ProgressOutcome, ReportOutcome, Store};

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond("report", operation, request, report(state, request)).await
}

/// The operation of a report that does not end in time.
fn operation(request: &HttpRequest) -> Operation {
    let body = request.body().as_ref();
    match input::route_kind(request) {
        Ok(RouteKind::BuiltIn(kind)) => {
            (kind.accept)(body).map_or(Operation::Fail, |outcome| stores(&outcome))
        }
        _ => match question::accept(body) {
            Ok(Accepted::Outcome(outcome)) => stores(&outcome),
            Ok(Accepted::Progress(_)) => Operation::Progress,
            Err(_) => Operation::Fail,
        },
    }
}

fn stores(outcome: &RequestOutcome) -> Operation {
    match outcome {
        RequestOutcome::Completed(_) => Operation::Complete,
        RequestOutcome::Failed(_) => Operation::Fail,
    }
}

async fn report<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<ReportResponse, ApiError> {
    let route = input::route_kind(request)?;
    let caller = caller(request, Scope::Daemon)?;
    input::limit_body(request)?;
    let address = input::address(request)?;
    let body = request.body().as_ref();
    let now = state.clock.now();
    let report = Report { state, caller, address, now, shows_cancelled: matches!(route, RouteKind::Any) };
    match route {
        RouteKind::BuiltIn(kind) => report.store_built_in(&Storable::new((kind.accept)(body))?, kind).await,
        RouteKind::Any => match question::accept(body) {
            Ok(Accepted::Progress(progress)) => report.store_progress(&progress).await,
            Ok(Accepted::Outcome(outcome)) => report.store_any(&Storable::new(Ok(outcome))?).await,
            Err(rejected) => report.store_any(&Storable::new(Err(rejected))?).await,
        },
    }
}

/// What to store, and how to respond when that is done.
struct Storable {
    outcome: RequestOutcome,
    reply: Reply,
}

/// The response to a report that has stored its outcome, or whose outcome was stored before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Acknowledge,
    InvalidBody,
    TooLarge,
}

impl Storable {
    fn new(accepted: Result<RequestOutcome, Rejected>) -> Result<Self, ApiError> {
        let (reason, reply) = match accepted {
            Ok(outcome) => return Ok(Self { outcome, reply: Reply::Acknowledge }),
            Err(Rejected::Body) => return Err(ApiError::InvalidBody),
            Err(Rejected::Progress) => return Err(ApiError::ReportTooLarge),
            Err(Rejected::Malformed(reason)) => (reason, Reply::InvalidBody),
            Err(Rejected::TooLarge(reason)) => (reason, Reply::TooLarge),
        };
        Ok(Self { outcome: RequestOutcome::Failed(reason), reply })
    }
}

impl Reply {
    fn response(self) -> Result<ReportResponse, ApiError> {
        match self {
            Self::Acknowledge => Ok(acknowledged(false)),
            Self::InvalidBody => Err(ApiError::InvalidBody),
            Self::TooLarge => Err(ApiError::ReportTooLarge),
        }
    }
}

fn acknowledged(cancelled: bool) -> ReportResponse {
    ReportResponse { status: Ack::default().status, cancelled }
}

struct Report<'a, S> {
    state: &'a AppState<S>,
    caller: Principal,
    address: Address,
    /// One time for all tries of a call: a slow first try must not make the report late.
    now: Timestamp,
    /// Whether the response says that the request was cancelled. A kind's own routes do not: their responses are older.
    shows_cancelled: bool,
}

impl<S: Store> Report<'_, S> {
    /// The route of every kind does not name the kind, and a built-in kind checks its results. So the report is tried as that of a
    /// question first: questions have no other route.
    async fn store_any(&self, storable: &Storable) -> Result<ReportResponse, ApiError> {
        let questions = KindFilter::Except(&BUILT_IN_NAMES);
        match self.store(storable, questions, CatalogUpdate::Keep, metrics::QUESTION).await {
            Err(ApiError::RequestNotFound) => {}
            response => return response,
        }
        for &kind in BUILT_IN {
            let response = match &storable.outcome {
                RequestOutcome::Completed(result) => {
                    self.store_built_in(&Storable::new(kind.accept_result(result))?, kind).await
                }
                RequestOutcome::Failed(_) => self.store_built_in(storable, kind).await,
            };
            match response {
                Err(ApiError::RequestNotFound) => {}
                response => return response,
            }
        }
        Err(ApiError::RequestNotFound)
    }

    async fn store_built_in(
        &self,
        storable: &Storable,
        kind: &BuiltInKind,
    ) -> Result<ReportResponse, ApiError> {
        let catalog = kind.catalog_update(&storable.outcome);
        self.store(storable, KindFilter::Only(kind.kind), catalog, metrics::kind_name(kind.kind)).await
    }

    async fn store(
        &self,
        Storable { outcome, reply }: &Storable,
        kinds: KindFilter,
        catalog: CatalogUpdate,
        kind_name: &'static str,
    ) -> Result<ReportResponse, ApiError> {
        let Self { address, caller, now, .. } = self;
        let reported = self.state.store.report(*address, kinds, caller, outcome, catalog, *now).await;
        match reported.map_err(stores(outcome).failed())? {
            ReportOutcome::Recorded { created_at } => {
                metrics::request_reported(kind_name, outcome, self.now.since(created_at));
                reply.response()
            }
            ReportOutcome::Duplicate => reply.response(),
            // A malformed body stays malformed, whatever the state of its request.
            ReportOutcome::Stale if *reply == Reply::InvalidBody => reply.response(),
            ReportOutcome::Stale => Ok(acknowledged(false)),
            ReportOutcome::Cancelled => Ok(acknowledged(self.shows_cancelled)),
            ReportOutcome::NotFound => Err(ApiError::RequestNotFound),
        }
    }

    async fn store_progress(&self, progress: &Json) -> Result<ReportResponse, ApiError> {
        let outcome = self.state.store.report_progress(self.address, &self.caller, progress, self.now).await;
        match outcome.map_err(Operation::Progress.failed())? {
            ProgressOutcome::Recorded | ProgressOutcome::Stale => Ok(acknowledged(false)),
            ProgressOutcome::Cancelled => Ok(acknowledged(self.shows_cancelled)),
            ProgressOutcome::NotFound => Err(ApiError::RequestNotFound),
        }
    }
}
