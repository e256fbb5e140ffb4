//! One claimed request: ask the agent program, report what it says or why it does not.

use std::sync::Arc;

use doorbell_shared::id::RequestId;
use doorbell_shared::wire::ModelListReport;

use crate::daemon::{Daemon, Served};
use crate::discover::discover_in_time;
use crate::report::report;

/// Works out `request` and brings the answer home. A failure is an answer too: a person waits for it.
pub(crate) async fn answer(daemon: Arc<Daemon>, served: Arc<Served>, request: RequestId) {
    let runtime = served.id;
    tracing::info!(%runtime, %request, "collected");
    let answer = match discover_in_time(served.agent.discoverer.as_ref()).await {
        Ok(result) => {
            tracing::info!(%runtime, %request, models = result.models.len(), "models found");
            ModelListReport::completed(result)
        }
        Err(error) => {
            tracing::warn!(%runtime, %request, %error, "no models");
            ModelListReport::failed(error.to_string())
        }
    };
    if let Err(error) = report(daemon.api(), runtime, request, &answer).await {
        tracing::error!(%runtime, %request, %error, "the answer could not be delivered");
    }
}
