//! One claimed request: ask the agent program, report what it says or why it does not.

use std::sync::Arc;

use doorbell_protocol::ModelListReport;
use doorbell_protocol::id::RequestId;

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
    match report(daemon.api(), runtime, request, &answer).await {
        Ok(()) => tracing::info!(%runtime, %request, "delivered"),
        Err(error) => tracing::error!(%runtime, %request, %error, "the answer could not be delivered"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    const CLOCK_SKEW: Duration = Duration::from_secs(5);
    use doorbell_protocol::limits::RUNNING_DEADLINE;

    use crate::{discover, report};

    /// From the claim on: its answer takes as long as a call may, the agent program as long as it may, and every try of the
    /// report hangs. What is left, 8.5 s, is more than two nodes' clocks may be apart.
    #[test]
    fn the_slowest_answer_is_home_before_its_request_lapses() {
        let tries = report::BACKOFF.iter().map(|wait| *wait + report::TRY_TIMEOUT);
        let slowest = doorbell_client::TIMEOUT + discover::TIMEOUT + tries.sum::<Duration>();
        assert_eq!(RUNNING_DEADLINE - slowest, Duration::from_millis(8_500));
        assert!(slowest + CLOCK_SKEW < RUNNING_DEADLINE);
    }
}
