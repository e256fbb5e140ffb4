//! One claimed request: ask the agent program, report what it says or why it does not.

use doorbell_shared::id::{RequestId, RuntimeId};
use doorbell_shared::wire::ModelListReport;

use crate::api::Api;
use crate::discover::{Discoverer, discover_in_time};
use crate::report::report;

/// Works out `request` and brings the answer home. A failure is an answer too: a person waits for it.
pub(crate) async fn answer(api: &Api, discoverer: &dyn Discoverer, runtime: RuntimeId, request: RequestId) {
    let answer = match discover_in_time(discoverer).await {
        Ok(result) => {
            tracing::info!(%runtime, %request, models = result.models.len(), "models found");
            ModelListReport::completed(result)
        }
        Err(error) => {
            tracing::warn!(%runtime, %request, %error, "no models");
            ModelListReport::failed(error.to_string())
        }
    };
    if let Err(error) = report(api, runtime, request, &answer).await {
        tracing::error!(%runtime, %request, %error, "the answer could not be delivered");
    }
}
