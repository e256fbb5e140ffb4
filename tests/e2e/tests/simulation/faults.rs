//! What went wrong on purpose, counted by kind.

use std::fmt;
use std::ops::AddAssign;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    RequestLost,
    ResponseLost,
    RequestDuplicated,
    MessageDelayed,
    ClientCrashed,
    DaemonCrashed,
    InstanceCrashed,
    StoreRefused,
    StoreAnswerLost,
    StoreAppliedLate,
    StoreSlow,
    SdkUnreachable,
    SdkRefused,
    SdkAnswerLost,
    SdkDelayed,
}

const NAMES: [(Fault, &str); 15] = [
    (Fault::RequestLost, "requests lost"),
    (Fault::ResponseLost, "answers lost"),
    (Fault::RequestDuplicated, "requests duplicated"),
    (Fault::MessageDelayed, "messages delayed past others"),
    (Fault::ClientCrashed, "clients crashed"),
    (Fault::DaemonCrashed, "daemons crashed"),
    (Fault::InstanceCrashed, "function instances crashed"),
    (Fault::StoreRefused, "store calls failed"),
    (Fault::StoreAnswerLost, "store calls applied and failed"),
    (Fault::StoreAppliedLate, "store calls failed and applied later"),
    (Fault::StoreSlow, "store calls slow"),
    (Fault::SdkUnreachable, "SDK tries unreachable"),
    (Fault::SdkRefused, "SDK tries throttled or failed"),
    (Fault::SdkAnswerLost, "SDK tries applied and unanswered"),
    (Fault::SdkDelayed, "SDK tries slow"),
];

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults([u64; NAMES.len()]);

impl Faults {
    pub(crate) fn note(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }
}

impl AddAssign for Faults {
    fn add_assign(&mut self, other: Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = NAMES.map(|(fault, name)| format!("{name} {}", self.0[fault as usize]));
        f.write_str(&counted.join(", "))
    }
}
