//! What clients ask, with a copy of the contract's times: an error in the product's constants does not repeat here.

use serde_json::{Value, json};

/// The question that daemons declare.
pub(crate) const QUESTION: &str = "disk_usage";

/// All times in milliseconds. The running deadline that it is declared with.
pub(crate) const QUESTION_RUNNING: i64 = 45_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AskedKind {
    Models,
    Question,
}

impl AskedKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Models => "model_list",
            Self::Question => QUESTION,
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        [Self::Models, Self::Question].into_iter().find(|kind| kind.name() == name)
    }
}

/// The deadlines and retention of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Times {
    pub(crate) pending: i64,
    pub(crate) running: i64,
    pub(crate) retention: i64,
    /// Whether the retention of a pending request starts at its deadline.
    pub(crate) queued: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) kind: AskedKind,
    pub(crate) args: Option<u64>,
    /// How long it may wait for an offline runtime, in seconds.
    pub(crate) queue_s: u64,
    /// Whether a fresh answer is asked for. Otherwise the catalog may answer.
    pub(crate) refresh: bool,
}

impl Asked {
    /// What the route of models asks.
    pub(crate) const MODELS: Self = Self { kind: AskedKind::Models, args: None, queue_s: 0, refresh: true };

    pub(crate) fn times(self) -> Times {
        let queue = i64::try_from(self.queue_s).unwrap() * 1_000;
        let (running, retention) = match self.kind {
            AskedKind::Models => (60_000, 120_000),
            AskedKind::Question => (QUESTION_RUNNING, 3_600_000),
        };
        Times { pending: queue.max(30_000), running, retention, queued: queue > 0 }
    }

    pub(crate) fn body(self) -> Value {
        let mut body = json!({"kind": self.kind.name()});
        if let Some(args) = self.args {
            body["args"] = json!(args);
        }
        if self.queue_s > 0 {
            body["queue_s"] = json!(self.queue_s);
        }
        body
    }
}
