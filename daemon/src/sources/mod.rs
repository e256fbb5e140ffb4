//! Lists the models of an agent program.
//!
//! A [`ModelSource`] returns the models, or an error whose text is for the client that rang. [`list_with_timeout`] bounds
//! every source by [`TIMEOUT`].
//!
//! | module | source |
//! |---|---|
//! | `claude`, `codex`, `opencode` and others | a known agent program, started as `launch` says |
//! | `acp` | what the programs with the Agent Client Protocol share |
//! | `conversation`, `json_rpc`, `process` | programs that are talked to, and programs that print a list and exit |
//! | [`openai`] | a server with OpenAI's API |
//! | [`command`], [`mod@file`] | a program or file of the machine's owner |
//! | `machine` | the machine itself, without models |
//! | [`sample`] | a built-in sample catalog |

mod acp;
pub(crate) mod antigravity;
mod attempts;
pub(crate) mod claude;
pub(crate) mod codebuddy;
pub(crate) mod codex;
pub mod command;
mod conversation;
pub(crate) mod copilot;
pub(crate) mod cursor;
mod entries;
mod error;
pub mod file;
pub(crate) mod gemini;
pub(crate) mod grok;
pub(crate) mod hermes;
mod json_rpc;
pub(crate) mod kimi;
pub(crate) mod kiro;
pub(crate) mod launch;
pub(crate) mod machine;
mod model_list;
pub mod openai;
pub(crate) mod openclaw;
pub(crate) mod opencode;
pub(crate) mod pi;
pub(crate) mod process;
pub(crate) mod process_group;
pub(crate) mod qoder;
pub(crate) mod qwen;
pub(crate) mod reasonix;
pub mod sample;
#[cfg(test)]
pub(crate) mod script;
mod terminal;
mod thinking;
pub(crate) mod trae;

use std::time::Duration;

use async_trait::async_trait;
use doorbell_protocol::{InvalidModel, Model, ModelEntry, ModelListResult};

pub use error::SourceError;

/// The time limit of a source. A claimed request times out after 60 s, and the report needs time for its retries.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// Lists the models of one agent. Implement it to support another agent program; see `examples/model_source.rs`.
#[async_trait]
pub trait ModelSource: Send + Sync + std::fmt::Debug {
    /// The name in error texts, where it begins a sentence.
    fn name(&self) -> &str;

    /// How the agent is asked, for the owner of the machine: a command line, or a method and a URL. Contains no secret.
    fn query(&self) -> String {
        self.name().to_owned()
    }

    /// Lists the models. Must be safe to drop at any await and leave no process behind: callers stop waiting after
    /// [`TIMEOUT`].
    ///
    /// # Errors
    /// A text for the client that rang. It names a remedy, and contains no output of a program or server, and no key.
    async fn list_models(&self) -> Result<ModelListResult, SourceError>;
}

/// [`ModelSource::list_models`] within [`TIMEOUT`].
///
/// # Errors
/// The source's, or [`SourceError::TimedOut`].
pub async fn list_with_timeout(source: &dyn ModelSource) -> Result<ModelListResult, SourceError> {
    let timed_out = |_| SourceError::TimedOut { name: source.name().to_owned(), seconds: TIMEOUT.as_secs() };
    tokio::time::timeout(TIMEOUT, source.list_models()).await.map_err(timed_out)?
}

/// The result of an agent program that accepts a model per agent. A bad model is skipped; it is an error if all are bad.
fn supported(models: impl IntoIterator<Item = Model>) -> Result<ModelListResult, InvalidModel> {
    let models = model_list::usable(models.into_iter().map(|model| ModelEntry::try_from(&model)))?;
    // An empty list is a fallback, so that it is not cached.
    Ok(ModelListResult { fallback: models.is_empty(), models, supported: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct After(Duration);

    #[async_trait]
    impl ModelSource for After {
        fn name(&self) -> &str {
            "codex"
        }

        async fn list_models(&self) -> Result<ModelListResult, SourceError> {
            tokio::time::sleep(self.0).await;
            Ok(supported([]).unwrap())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn result_within_limit_is_returned() {
        let source = After(TIMEOUT - Duration::from_millis(1));
        assert_eq!(list_with_timeout(&source).await, Ok(supported([]).unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_source_times_out_with_its_name() {
        let error = list_with_timeout(&After(TIMEOUT + Duration::from_millis(1))).await.unwrap_err();
        assert_eq!(error.to_string(), "codex did not list its models within 15 seconds");
    }
}
