//! Trouble between the SDK and the embedded engine. The SDK tries again, and has to know its own first try.

use std::sync::{Arc, Mutex, PoisonError};

use doorbell_shared::store::dynamodb::embedded::{Failure, Passage, Tap};

use crate::chance::Chance;
use crate::faults::{Fault, Faults};
use crate::plan::Plan;
use crate::time::TrueTime;

#[derive(Debug)]
pub(crate) struct SeededTap {
    pub(crate) plan: Plan,
    pub(crate) chance: Arc<Chance>,
    pub(crate) time: TrueTime,
    pub(crate) faults: Mutex<Faults>,
}

impl SeededTap {
    /// Some trouble, each kind as likely as any other.
    fn trouble(&self) -> (Fault, Passage) {
        let delay = self.chance.millis(1..3_000);
        let failure = self.chance.one_of(&[Failure::Throttled, Failure::Internal]);
        self.chance.one_of(&[
            (Fault::SdkUnreachable, Passage::Unreachable),
            (Fault::SdkRefused, Passage::Refused(failure)),
            (Fault::SdkDelayed, Passage::Delayed(delay)),
            (Fault::SdkDelayed, Passage::AnswerDelayed(delay)),
            (Fault::SdkAnswerLost, Passage::AnswerLost),
            (Fault::SdkAnswerLost, Passage::AnswerCut),
            (Fault::SdkAnswerLost, Passage::AnswerReplaced(failure)),
        ])
    }
}

impl Tap for SeededTap {
    fn pass(&self, _operation: &str) -> Passage {
        if !self.plan.is_turmoil(self.time.elapsed_ms()) || !self.chance.happens(self.plan.rates.sdk) {
            return Passage::Through;
        }
        let (fault, passage) = self.trouble();
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).note(fault);
        passage
    }
}
