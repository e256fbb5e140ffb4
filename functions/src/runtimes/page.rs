//! Reads one page from several workspaces.

use doorbell_protocol::Timestamp;
use doorbell_shared::clock::Stopwatch;
use doorbell_shared::limits::{LIST_TIMEOUT, QUESTIONS_PER_PAGE_BYTES};
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
    /// The questions of the runtimes, as in [`Questions::response_bytes`](doorbell_shared::questions::Questions::response_bytes).
    questions_bytes: usize,
    /// Whether a runtime did not fit.
    is_full: bool,
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
            if share >= room || page.runtimes.len() == limit || page.is_full {
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
    /// Takes the runtimes of a workspace that fit, in number and in questions; returns the start of the next page, if any are left.
    fn take(&mut self, start: Cursor, listed: RuntimePage, limit: usize) -> Option<Cursor> {
        let mut last_taken = None;
        for runtime in listed.runtimes {
            let questions_bytes = self.questions_bytes + runtime.questions.response_bytes();
            let is_over = !self.runtimes.is_empty() && questions_bytes > QUESTIONS_PER_PAGE_BYTES;
            if is_over || self.runtimes.len() == limit {
                self.is_full = true;
                return Some(Cursor { after: last_taken.or(start.after), ..start });
            }
            self.questions_bytes = questions_bytes;
            last_taken = Some(runtime.id);
            self.runtimes.push(runtime);
        }
        listed.next.map(|after| Cursor { after: Some(after), ..start })
    }
}
