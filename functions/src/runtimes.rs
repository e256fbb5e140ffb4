//! Runtimes: a client lists the runtimes of its workspaces, or of the one in `?workspace_id=`. `GET /api/runtimes`.
//!
//! A page is sorted by name. Pages follow each other in the order of workspaces and ids, so none is listed twice or left out,
//! regardless of registrations in between.

mod cursor;
mod page;

use doorbell_protocol::limits::RUNTIMES_PER_PAGE;
use doorbell_protocol::{RuntimeRecord, Scope, WorkspaceId};
use doorbell_shared::access::Principal;
use doorbell_shared::http::input::caller;
use doorbell_shared::http::response::{Operation, json, link_to_next};
use doorbell_shared::http::{ApiError, AppState, HttpRequest, Response, input, respond_with};
use doorbell_shared::store::Store;
use lambda_http::http::{HeaderValue, header};

use self::cursor::Cursor;
use self::page::read_page;

pub async fn handle<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Response {
    respond_with("runtimes", |_| Operation::List, request, runtimes(state, request), response).await
}

/// A page of records, and where the next one begins.
struct Listed {
    records: Vec<RuntimeRecord>,
    query: Query,
    next: Option<Cursor>,
}

async fn runtimes<S: Store>(state: &AppState<S>, request: &HttpRequest) -> Result<Listed, ApiError> {
    let caller = caller(request, Scope::User)?;
    input::limit_body(request)?;
    let query = Query::parse(request, &caller)?;

    let now = state.clock.now();
    let limit = query.limit.unwrap_or(RUNTIMES_PER_PAGE);
    let page = read_page(&state.store, query.starts(&caller), limit, now).await;
    let page = page.map_err(Operation::List.failed())?;
    let mut records: Vec<_> = page.runtimes.iter().map(|runtime| runtime.record(now)).collect();
    // Names are not unique; the id makes the order total.
    records.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    Ok(Listed { records, query, next: page.next })
}

fn response(listed: &Listed) -> Response {
    let mut response = json(200, &listed.records);
    if let Some(next) = listed.next {
        response.headers_mut().insert(header::LINK, listed.query.link_to(next));
    }
    response
}

/// The parameters of the query. Others are ignored.
struct Query {
    workspace: Option<WorkspaceId>,
    limit: Option<usize>,
    cursor: Option<Cursor>,
}

impl Query {
    fn parse(request: &HttpRequest, caller: &Principal) -> Result<Self, ApiError> {
        let parameter = |name| input::query(request, name);
        let workspace = parameter("workspace_id").map(|text| input::workspace(text, caller)).transpose()?;
        let limit = parameter("limit").map(|_| input::page_limit(request, RUNTIMES_PER_PAGE)).transpose()?;
        let is_listed = |listed| workspace.map_or(caller.workspaces.contains(listed), |one| one == listed);
        let cursor = parameter("cursor").map(|text| {
            // One error for all reasons, so that it does not reveal which workspaces exist.
            text.parse().ok().filter(|cursor: &Cursor| is_listed(cursor.workspace))
        });
        let cursor = cursor.map(|cursor| cursor.ok_or(ApiError::InvalidCursor)).transpose()?;
        Ok(Self { workspace, limit, cursor })
    }

    /// The listed workspaces from the cursor on.
    fn starts(&self, caller: &Principal) -> Vec<Cursor> {
        let first = self.cursor;
        let listed = caller.workspaces.iter().filter(|id| self.workspace.is_none_or(|one| one == *id));
        let listed = listed.filter(|id| first.is_none_or(|first| first.workspace <= *id));
        let start = |id| first.filter(|first| first.workspace == id).unwrap_or(Cursor::start_of(id));
        listed.map(start).collect()
    }

    /// The `Link` of a page that `next` follows.
    fn link_to(&self, next: Cursor) -> HeaderValue {
        let workspace = self.workspace.map(|id| format!("workspace_id={id}&")).unwrap_or_default();
        let limit = self.limit.map(|limit| format!("limit={limit}&")).unwrap_or_default();
        link_to_next(&format!("{workspace}{limit}cursor={next}"))
    }
}
