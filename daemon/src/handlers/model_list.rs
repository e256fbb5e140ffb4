//! Kind `model_list`: the models that an agent program can use.

use async_trait::async_trait;
use doorbell_protocol::ModelListReport;

use super::{CANCELLED, Handler, Job, ReportBody, body};
use crate::sources::list_with_timeout;

pub(super) struct ModelList;

#[async_trait]
impl Handler for ModelList {
    fn segment(&self) -> &'static str {
        "models"
    }

    async fn answer(&self, job: Job<'_>) -> Result<ReportBody, String> {
        let listed = job.cancel.run_until_cancelled(list_with_timeout(job.agent.source.as_ref())).await;
        let listed = listed.ok_or(CANCELLED)?.map_err(|error| error.to_string())?;
        tracing::info!(request = %job.claim.work.id, models = listed.models.len(), "models listed");
        body(&ModelListReport::completed(listed))
    }
}
