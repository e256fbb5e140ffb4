//! Trouble between the SDK and the embedded engine. The SDK tries again, and has to know its own first try.

use std::sync::{Arc, Mutex, PoisonError};

use doorbell_shared::store::dynamodb::embedded::{Failure, Fault, Interceptor};

use crate::chance::Chance;
use crate::faults::{Fault, Faults};
use crate::plan::Plan;
use doorbell_protocol::time::TrueTime;

#[derive(Debug)]
pub(crate) struct SeededTap {
    pub(crate) plan: Plan,
    pub(crate) chance: Arc<Chance>,
    pub(crate) time: TrueTime,
    pub(crate) faults: Mutex<Faults>,
}

impl SeededTap {
    /// Some trouble, each kind as likely as any other.
    fn trouble(&self) -> (Fault, Fault) {
        let delay = self.chance.millis(1..3_000);
        let failure = self.chance.one_of(&[ServiceError::Throttled, ServiceError::Internal]);
        self.chance.one_of(&[
            (Fault::SdkUnreachable, Fault::Unreachable),
            (Fault::SdkRefused, Fault::Rejected(failure)),
            (Fault::SdkDelayed, Fault::Delayed(delay)),
            (Fault::SdkDelayed, Fault::ResponseDelayed(delay)),
            (Fault::SdkAnswerLost, Fault::ResponseLost),
            (Fault::SdkAnswerLost, Fault::ResponseCut),
            (Fault::SdkAnswerLost, Fault::ResponseReplaced(failure)),
        ])
    }
}

impl Interceptor for SeededTap {
    fn pass(&self, _operation: &str) -> Fault {
        if !self.plan.is_turmoil(self.time.elapsed_ms()) || !self.chance.happens(self.plan.rates.sdk) {
            return Fault::None;
        }
        let (fault, passage) = self.trouble();
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).note(fault);
        passage
    }
}
