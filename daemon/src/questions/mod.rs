//! Questions: kinds of requests that the owner of the machine declares, each answered by a program.
//!
//! ```toml
//! [[question]]
//! name = "disk_usage"
//! description = "Free space by file system"
//! program = ["df", "-h", "--output=target,avail"]
//! args_schema = { type = "object", additionalProperties = false }
//! ```
//!
//! [`agents::find`](crate::agents::find) reads them with the agents; each [`Agent`](crate::agents::Agent) has its
//! [`QuestionHandlers`]. [`QuestionHandlers::registration`] is what its registration sends, and [`QuestionHandler::run`] answers one
//! request. `examples/questions.toml` shows all keys.
//!
//! | module | content |
//! |---|---|
//! | `config` | `[[question]]`, checked once at the start |
//! | `handler` | the whole answer: args, program, result |
//! | `schema` | JSON schemas |
//! | `variables` | the program's environment |
//! | `run` | the running program, and its end |
//! | `descendants` | processes that left the program's group (Linux) |
//! | `output`, `stderr` | what the program prints |

mod config;
#[cfg(target_os = "linux")]
mod descendants;
mod error;
mod handler;
mod output;
mod run;
mod schema;
mod stderr;
mod variables;

use std::path::Path;
use std::sync::Arc;

use doorbell_protocol::{Json, Kind, Question};

use crate::agents::environment::Environment;

pub(crate) use config::QuestionConfig;
pub use error::{QuestionConfigError, QuestionError};
pub use handler::QuestionHandler;
pub use schema::Mismatch;

/// The handlers of an agent, or of the whole daemon.
#[derive(Clone, Debug, Default)]
pub struct QuestionHandlers(Vec<Arc<QuestionHandler>>);

impl QuestionHandlers {
    /// The questions of a configuration file in `folder`. `providers` are all types that an agent can have.
    pub(crate) fn build(
        configs: &[QuestionConfig],
        folder: &Path,
        environment: &Environment,
        providers: &[&str],
    ) -> Result<Self, QuestionConfigError> {
        config::build(configs, folder, environment, providers).map(Self)
    }

    /// Those that agents of the type `provider` declare.
    pub fn of(&self, provider: &str) -> Self {
        Self(self.0.iter().filter(|handler| handler.is_of(provider)).cloned().collect())
    }

    /// Those that no agent of the types `providers` declares.
    pub(crate) fn unanswered_by(&self, providers: &[&str]) -> Self {
        let is_answered =
            |handler: &QuestionHandler| providers.iter().any(|provider| handler.is_of(provider));
        Self(self.0.iter().filter(|handler| !is_answered(handler)).cloned().collect())
    }

    /// What a registration declares, in the order of the file.
    pub fn declarations(&self) -> impl Iterator<Item = &Question> {
        self.0.iter().map(|handler| handler.declaration())
    }

    /// The field `questions` of a registration; `None` without questions.
    pub fn registration(&self) -> Option<Vec<Json>> {
        let json = |question| Json::try_from(&serde_json::to_value(question).ok()?).ok();
        Some(self.declarations().filter_map(json).collect())
            .filter(|questions: &Vec<_>| !questions.is_empty())
    }

    /// The handler of requests of `kind`.
    pub fn get(&self, kind: Kind) -> Option<Arc<QuestionHandler>> {
        self.0.iter().find(|handler| handler.kind() == kind).cloned()
    }
}

#[cfg(test)]
mod tests;
