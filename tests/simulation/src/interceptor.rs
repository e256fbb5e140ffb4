//! The interceptor between the SDK and the embedded engine.

use std::sync::Arc;
use std::time::Duration;

use doorbell_shared::store::dynamodb::embedded::{Fault, Interceptor, ServiceError};

use crate::context::Environment;
use crate::history::FaultKind;

/// Faults between the SDK and the embedded engine: the SDK retries, and the store has to recognize its first try.
#[derive(Debug)]
pub(crate) struct SeededInterceptor(pub(crate) Arc<Environment>);

impl Interceptor for SeededInterceptor {
    fn fault(&self, _operation: &str) -> Fault {
        let Environment { plan, rng, clock, .. } = &*self.0;
        if !plan.allows_faults_at(clock.elapsed_ms()) || !rng.happens(plan.rates.sdk) {
            return Fault::None;
        }
        let delay = Duration::from_millis(rng.number(1..3_000));
        let error = rng.one_of(&[ServiceError::Throttled, ServiceError::Internal]);
        let (kind, fault) = rng.one_of(&[
            (FaultKind::SdkUnreachable, Fault::Unreachable),
            (FaultKind::SdkRefused, Fault::Rejected(error)),
            (FaultKind::SdkDelayed, Fault::Delayed(delay)),
            (FaultKind::SdkDelayed, Fault::ResponseDelayed(delay)),
            (FaultKind::SdkResponseLost, Fault::ResponseLost),
            (FaultKind::SdkResponseLost, Fault::ResponseCut),
            (FaultKind::SdkResponseLost, Fault::ResponseReplaced(error)),
        ]);
        self.0.record_fault(kind);
        fault
    }
}
