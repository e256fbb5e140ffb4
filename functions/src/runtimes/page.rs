//! Reads one page from several workspaces.

use doorbell_protocol::Timestamp;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::limits::LIST_TIMEOUT;
use doorbell_shared::runtime::Runtime;
use doorbell_shared::store::{Result, RuntimePage, Store};
use futures_util::future::try_join_all;

use super::cursor::Cursor;

/// The most workspaces that a round reads at the same time: a token with hundreds of small workspaces takes a fraction of their
/// time.
const WORKSPACES_IN_PARALLEL: usize = 8;

/// Runtimes in the order of workspaces and ids.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) runtimes: Vec<Runtime>,
    /// Set if there may be more.
    pub(super) next: Option<Cursor>,
}

/// Up to `limit` runtimes of the workspaces at `starts`. Ends early when it takes long, but not before the first workspace.
///
/// Reads in rounds. The first has one workspace: most callers have one, and most pages end in the one that they begin in. Rounds
/// widen while they bring little, and share the room of the page among their workspaces, so that hardly more than a page is read at
/// once. When a workspace has more than its share, it gets all the room that is left, and what the round has read of the workspaces
/// after it is read again.
pub(super) async fn read_page<S: Store>(
    store: &S,
    mut starts: Vec<Cursor>,
    limit: usize,
    now: Timestamp,
) -> Result<Page> {
    let started = Stopwatch::start();
    let mut page = Page::default();
    let (mut read, mut width) = (0, 1);
    while read < starts.len() {
        width = width.min(starts.len() - read);
        let taken = page.runtimes.len();
        let room = limit - taken;
        // A full page reads one runtime more of each workspace, to know whether another page follows.
        let share = (room / width).max(1);
        let round = starts[read..read + width].iter();
        let reads = round.map(|start| store.list_runtimes(start.workspace, start.after, share, now));
        let reads = try_join_all(reads);
        let listed = if read == 0 {
            reads.await?
        } else {
            let left = LIST_TIMEOUT.saturating_sub(started.elapsed());
            let Ok(listed) = tokio::time::timeout(left, reads).await else {
                page.next = Some(starts[read]);
                return Ok(page);
            };
            listed?
        };
        let mut is_cut = false;
        for listed in listed {
            let Some(rest) = page.take(starts[read], listed, limit) else {
                read += 1;
                continue;
            };
            // It has had all the room.
            if share >= room || page.runtimes.len() == limit {
                page.next = Some(rest);
                return Ok(page);
            }
            starts[read] = rest;
            is_cut = true;
            break;
        }
        let brings_little = (page.runtimes.len() - taken) * WORKSPACES_IN_PARALLEL <= room;
        width = if brings_little && !is_cut { (2 * width).min(WORKSPACES_IN_PARALLEL) } else { 1 };
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
