//! Kind `local_skills`: the skills and MCP servers that are installed for an agent program.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorbell_protocol::LocalSkillsReport;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{CANCELLED, Handler, Job, ReportBody, body};

/// The time limit of a list, which reads a bounded number of files. A claimed request times out after 60 s, and the report needs
/// time for its retries.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15);

pub(super) struct LocalSkills;

#[async_trait]
impl Handler for LocalSkills {
    fn segment(&self) -> &'static str {
        "local-skills"
    }

    async fn answer(&self, job: Job<'_>) -> Result<ReportBody, String> {
        let listed = job.cancel.run_until_cancelled(timeout(TIMEOUT, list(job))).await;
        listed.ok_or(CANCELLED)?.unwrap_or_else(|_| Err(timed_out(&job.agent.provider)))
    }
}

async fn list(job: Job<'_>) -> Result<ReportBody, String> {
    let not_listed = |_| format!("the skills of {} could not be listed", job.agent.provider);
    let slot = Arc::clone(&job.slots.readers).acquire_owned().await.map_err(|_| CANCELLED)?;
    let skills = job.agent.skills.clone();
    let listed = spawn_blocking(move || {
        let listed = skills.list();
        drop(slot);
        listed
    });
    let listed = listed.await.map_err(not_listed)?;
    body(&LocalSkillsReport::completed(listed.map_err(|error| error.to_string())?))
}

fn timed_out(provider: &str) -> String {
    format!(
        "the skills of {provider} were not listed within {} seconds; is a directory of them on a slow or broken file system?",
        TIMEOUT.as_secs()
    )
}
