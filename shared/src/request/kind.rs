//! What can be asked. Each kind has a path segment under `/api/runtimes/{id}/` and a field in the heartbeat's answer;
//! the lifecycle and the store treat all kinds alike.

/// A kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Which models can this runtime use?
    ModelList,
}

impl Kind {
    /// Every kind. A heartbeat hands out at most one request of each.
    pub const ALL: [Self; 1] = [Self::ModelList];

    /// The name in storage, as serde writes it. Permanent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ModelList => "model_list",
        }
    }
}
