//! Asking an agent program which models it can run.
//!
//! A [`ModelSource`] lists the models or says, in words for the person who rang, why it cannot. Nothing that a program or
//! a server sent, and no key, is ever in those words. [`discover_in_time`] is the only caller: it bounds every discoverer
//! by [`TIMEOUT`] and drops the one that takes longer, and a dropped discoverer leaves no process behind.
//!
//! | module | asks |
//! |---|---|
//! | [`codex`], [`opencode`] | an agent program that is known here |
//! | [`openai`] | any server that speaks OpenAI's API |
//! | [`command`], [`mod@file`] | whatever the machine's owner wrote |
//! | [`sample`] | nobody: it is for trying things out |

mod bounded;
pub mod codex;
pub mod command;
mod entries;
mod error;
pub mod file;
mod group;
pub mod openai;
pub mod opencode;
pub(crate) mod process;
pub mod sample;
#[cfg(test)]
pub(crate) mod script;

use std::time::Duration;

use async_trait::async_trait;
use doorbell_protocol::{InvalidModel, Model, ModelEntry, ModelListResult};

pub use error::DiscoveryError;

/// How long a discoverer may take. Well under the 60 s after which a claimed request lapses: the report has to be
/// delivered as well, several tries included.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// Something that can say which models a runtime can use. Implement it to teach the daemon another agent program.
#[async_trait]
pub trait ModelSource: Send + Sync + std::fmt::Debug {
    /// What people call the one who is asked, to begin a sentence with.
    fn name(&self) -> &str;

    /// The models, or why they cannot be had in words for the person who asked. The caller bounds the time; an
    /// implementation must be safe to drop at any await and leave no process behind.
    async fn discover(&self) -> Result<ModelListResult, DiscoveryError>;
}

/// What `discoverer` answers, or [`DiscoveryError::TimedOut`] after [`TIMEOUT`].
pub async fn discover_in_time(discoverer: &dyn ModelSource) -> Result<ModelListResult, DiscoveryError> {
    let timed_out =
        |_| DiscoveryError::TimedOut { name: discoverer.name().to_owned(), seconds: TIMEOUT.as_secs() };
    tokio::time::timeout(TIMEOUT, discoverer.discover()).await.map_err(timed_out)?
}

/// The result of an agent program that takes a model of one's choice.
fn listed(models: impl IntoIterator<Item = Model>) -> Result<ModelListResult, InvalidModel> {
    let models = models.into_iter().map(|model| ModelEntry::try_from(&model)).collect::<Result<_, _>>()?;
    Ok(ModelListResult { models, supported: true, fallback: false })
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

        async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
            tokio::time::sleep(self.0).await;
            Ok(listed([]).unwrap())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_time_is_passed_on() {
        let just_in_time = After(TIMEOUT - Duration::from_millis(1));
        assert_eq!(discover_in_time(&just_in_time).await, Ok(listed([]).unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_discoverer_that_takes_too_long_is_given_up_by_name() {
        let error = discover_in_time(&After(TIMEOUT + Duration::from_millis(1))).await.unwrap_err();
        assert_eq!(error.to_string(), "codex did not list its models within 15 seconds");
    }
}
