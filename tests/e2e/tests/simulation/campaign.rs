//! Many seeds, on every core, and what they came to.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::faults::Faults;
use crate::invariants::{self, Checked, Invariant, Violation};
use crate::plan::Storage;
use crate::seed;
use crate::storage::Mutation;

#[derive(Debug, Default)]
pub(crate) struct Summary {
    seeds: u64,
    embedded: u64,
    checked: Checked,
    faults: Faults,
    /// The seeds that broke an invariant, with the first one that each broke.
    pub(crate) failures: Vec<(u64, Violation)>,
}

/// Runs the first so many seeds.
pub(crate) fn run(seeds: u64) -> Summary {
    let (next, summary) = (AtomicU64::new(0), Mutex::new(Summary::default()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let run = seed::run(seed, None);
                    let judged = invariants::check(&run);
                    summary.lock().unwrap().add(&run, judged);
                }
            });
        }
    });
    let mut summary = summary.into_inner().unwrap();
    summary.failures.sort_unstable_by_key(|(seed, _)| *seed);
    summary
}

/// How `seed` breaks `invariant`, if it does.
pub(crate) fn violation(seed: u64, mutation: Option<Mutation>, invariant: Invariant) -> Option<Violation> {
    let (_, violations) = invariants::check(&seed::run(seed, mutation));
    violations.into_iter().find(|violation| violation.invariant == invariant)
}

impl Summary {
    fn add(&mut self, run: &seed::Run, (checked, violations): (Checked, Vec<Violation>)) {
        self.seeds += 1;
        self.embedded += u64::from(run.plan.storage == Storage::Embedded);
        self.checked += checked;
        self.faults += run.history.faults;
        self.failures.extend(violations.into_iter().next().map(|violation| (run.seed, violation)));
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, embedded, checked, faults, failures } = self;
        let Checked { calls, histories, ordered, completed, failed, timed_out, .. } = checked;
        writeln!(f, "{seeds} seeds, {embedded} of them on the embedded engine; {calls} calls of functions")?;
        writeln!(
            f,
            "{histories} requests' histories, {ordered} operations ordered; ended: {completed} completed, {failed} failed, \
             {timed_out} timeout, {} never shown",
            histories - completed - failed - timed_out
        )?;
        let Checked { redelivered, answered_after, must_be_answered, .. } = checked;
        writeln!(
            f,
            "{redelivered} handed out again, {answered_after} of them answered, as {must_be_answered} had to be"
        )?;
        writeln!(f, "faults injected: {faults}")?;
        write!(f, "{} seeds with violations", failures.len())
    }
}
