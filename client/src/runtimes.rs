//! The list of runtimes, and their removal.

use doorbell_protocol::{Ack, RuntimeId, RuntimeRecord, WorkspaceId};

use crate::api::Api;
use crate::error::ClientError;

const PATH: &str = "/api/runtimes";

/// The pages of a list that are read. A workspace has at most 5,000 runtimes and a page at most 500, so these are ten full
/// workspaces. A longer list is an error, because a faulty server may link pages without end.
const PAGES: usize = 100;

/// The runtimes of `workspace`, or of every workspace of the token, by name. Reads all pages, each from the host of the API.
///
/// # Errors
/// [`ClientError`] of a call, or [`ClientError::UnusableList`] if a page is on another host or there are more than 100.
pub async fn runtimes(api: &Api, workspace: Option<WorkspaceId>) -> Result<Vec<RuntimeRecord>, ClientError> {
    let mut query = workspace.map(|workspace| format!("workspace_id={workspace}"));
    let mut runtimes = Vec::new();
    for _ in 0..PAGES {
        let path = query.map_or_else(|| PATH.to_owned(), |query| format!("{PATH}?{query}"));
        let (page, next): (Vec<RuntimeRecord>, _) = api.get_page(&path).await?;
        runtimes.extend(page);
        query = next;
        if query.is_none() {
            // Each page is sorted, the whole is not. Names are not unique; the id makes the order total.
            runtimes.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
            return Ok(runtimes);
        }
    }
    Err(api.unusable_list("it has more than 100 pages"))
}

/// Forgets `runtime`. A daemon that still serves it registers it again with its next heartbeat.
///
/// # Errors
/// [`ClientError`] of the call; 404 `runtime not found` if there is no such runtime.
pub async fn forget(api: &Api, runtime: RuntimeId) -> Result<(), ClientError> {
    api.delete::<Ack>(&format!("{PATH}/{runtime}")).await.map(|_| ())
}
