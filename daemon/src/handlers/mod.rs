//! Handlers: how this daemon answers requests of each kind.
//!
//! A built-in kind is one file with a [`Handler`] and one line in [`BUILT_IN`]. Every other kind is a question of the machine's
//! owner, and needs no code.

mod local_skills;
mod model_list;
mod question;

use std::sync::Arc;

use async_trait::async_trait;
use doorbell_protocol::{Json, Kind};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::agents::Agent;
use crate::claim::Claim;
#[cfg(test)]
pub(crate) use local_skills::TIMEOUT as LOCAL_SKILLS_TIMEOUT;

/// The built-in kinds.
const BUILT_IN: &[(Kind, &dyn Handler)] = &[
    (Kind::MODEL_LIST, &model_list::ModelList), //
    (Kind::LOCAL_SKILLS, &local_skills::LocalSkills),
];

/// The handler of requests of `kind`.
pub(crate) fn find(kind: Kind) -> &'static dyn Handler {
    let built_in = BUILT_IN.iter().find(|(built_in, _)| *built_in == kind);
    built_in.map_or(&question::Question, |(_, handler)| *handler)
}

/// Answers requests of one kind, or of all questions.
#[async_trait]
pub(crate) trait Handler: Send + Sync {
    /// The segment of the route that takes its reports.
    fn segment(&self) -> &'static str;

    /// The body of the report on a completed request. Ends soon after `job.cancel`; what it returns then is not reported. Safe to
    /// drop at any await, and leaves no process behind.
    ///
    /// # Errors
    /// A text for the client that asked, which names a remedy.
    async fn answer(&self, job: Job<'_>) -> Result<ReportBody, String>;
}

/// A claimed request, and what its handler needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) claim: &'a Claim,
    /// Values are reported while the handler works, the latest once a second.
    pub(crate) progress: &'a watch::Sender<Option<Json>>,
    pub(crate) cancel: &'a CancellationToken,
    pub(crate) slots: &'a Slots,
}

/// How much of the machine all requests of a daemon use at once.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    /// Programs of questions.
    programs: Arc<Semaphore>,
    /// Blocking threads that read files. A file system that hangs keeps its thread, and the same threads resolve host names.
    readers: Arc<Semaphore>,
}

impl Slots {
    /// Enough for clients of several runtimes, and few enough for the smallest machines.
    const PROGRAMS: usize = 8;
    const READERS: usize = 4;
}

impl Default for Slots {
    fn default() -> Self {
        let semaphore = |slots| Arc::new(Semaphore::new(slots));
        Self { programs: semaphore(Self::PROGRAMS), readers: semaphore(Self::READERS) }
    }
}

/// The JSON of a report.
pub(crate) type ReportBody = Box<RawValue>;

/// What a handler returns after `cancel`.
const CANCELLED: &str = "cancelled";

/// The body of a report.
fn body(report: &impl Serialize) -> Result<ReportBody, String> {
    to_raw_value(report).map_err(|error| format!("the answer cannot be reported: {error}"))
}
