//! Reads one page from several workspaces.

use std::iter;
use std::slice;

use doorbell_protocol::Timestamp;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::limits::LIST_TIMEOUT;
use doorbell_shared::runtime::Runtime;
use doorbell_shared::store::{Result, RuntimePage, Store};
use futures_util::future::try_join_all;

use super::cursor::Cursor;

/// Workspaces that are read at the same time, because a token may have hundreds of small ones. Runtimes that do not fit into the
/// page are read again for later pages.
const WORKSPACES_IN_PARALLEL: usize = 8;

/// Runtimes in the order of workspaces and ids.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) runtimes: Vec<Runtime>,
    /// Set if there may be more.
    pub(super) next: Option<Cursor>,
}

/// Up to `limit` runtimes of the workspaces at `starts`. Ends early when it takes long, but not before the first workspace.
pub(super) async fn read_page<S: Store>(
    store: &S,
    starts: &[Cursor],
    limit: usize,
    now: Timestamp,
) -> Result<Page> {
    let started = Stopwatch::start();
    let mut page = Page::default();
    let Some((first, others)) = starts.split_first() else { return Ok(page) };
    // The first one alone: most callers have one workspace, and most pages end in the workspace in which they begin.
    for starts in iter::once(slice::from_ref(first)).chain(others.chunks(WORKSPACES_IN_PARALLEL)) {
        // A full page reads one runtime more, which shows whether another page follows.
        let room = (limit - page.runtimes.len()).max(1);
        let reads = starts.iter().map(|start| store.list_runtimes(start.workspace, start.after, room, now));
        let reads = try_join_all(reads);
        let listed = if starts[0] == *first {
            reads.await?
        } else {
            let left = LIST_TIMEOUT.saturating_sub(started.elapsed());
            let Ok(listed) = tokio::time::timeout(left, reads).await else {
                page.next = Some(starts[0]);
                return Ok(page);
            };
            listed?
        };
        for (start, listed) in starts.iter().zip(listed) {
            page.next = page.take(*start, listed, limit);
            if page.next.is_some() {
                return Ok(page);
            }
        }
    }
    Ok(page)
}

impl Page {
    /// Takes the runtimes of a workspace that fit; returns the start of the next page, if any are left.
    fn take(&mut self, start: Cursor, listed: RuntimePage, limit: usize) -> Option<Cursor> {
        let room = limit - self.runtimes.len();
        let is_cut = listed.runtimes.len() > room;
        let before = self.runtimes.len();
        self.runtimes.extend(listed.runtimes.into_iter().take(room));
        let last_taken = self.runtimes[before..].last().map(|runtime| runtime.id);
        let after = if is_cut { last_taken.or(start.after) } else { listed.next };
        (is_cut || after.is_some()).then_some(Cursor { after, ..start })
    }
}
