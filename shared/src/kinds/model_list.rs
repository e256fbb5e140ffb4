//! Kind `model_list`: the models that a runtime can use.

use doorbell_protocol::Kind;
use doorbell_protocol::limits::{PENDING_DEADLINE, RETENTION, RUNNING_DEADLINE};

use super::BuiltInKind;
use crate::request::Deadlines;

pub const MODEL_LIST: BuiltInKind = BuiltInKind {
    kind: Kind::MODEL_LIST,
    heartbeat_field: "pending_model_list",
    deadlines: Deadlines {
        pending: PENDING_DEADLINE,
        running: RUNNING_DEADLINE,
        retention: RETENTION,
        queued: false,
    },
};
