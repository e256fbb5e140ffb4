//! Agents that do as they are told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorbell_daemon::agents::Agent;
use doorbell_daemon::discover::{DiscoveryError, ModelSource};
use doorbell_protocol::{Model, ModelEntry, ModelListResult};
use tokio_util::sync::CancellationToken;

/// A discoverer that is told what to answer.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    /// How long it takes.
    pub(crate) takes: Duration,
    pub(crate) answer: Result<ModelListResult, DiscoveryError>,
    /// Cancelled when it is asked.
    pub(crate) asked: CancellationToken,
}

impl Default for Scripted {
    fn default() -> Self {
        Self { takes: Duration::ZERO, answer: Ok(models(["gpt-6"])), asked: CancellationToken::new() }
    }
}

impl Scripted {
    /// One that takes so long.
    pub(crate) fn slow(takes: Duration) -> Self {
        Self { takes, ..Self::default() }
    }

    /// One that answers so, at once.
    pub(crate) fn answering(answer: Result<ModelListResult, DiscoveryError>) -> Self {
        Self { answer, ..Self::default() }
    }
}

#[async_trait]
impl ModelSource for Scripted {
    fn name(&self) -> &str {
        "the agent"
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        self.asked.cancel();
        tokio::time::sleep(self.takes).await;
        self.answer.clone()
    }
}

/// An agent of that type.
pub(crate) fn agent(provider: &str, discoverer: Scripted) -> Agent {
    Agent {
        name: provider.to_uppercase(),
        provider: provider.to_owned(),
        profile_id: String::new(),
        version: Some("1.2.3".to_owned()),
        discoverer: Arc::new(discoverer),
    }
}

/// A result with models of those ids.
pub(crate) fn models<const N: usize>(ids: [&str; N]) -> ModelListResult {
    let model = |id: &str| Model { id: id.to_owned(), label: id.to_owned(), ..Model::default() };
    let entry = |id| ModelEntry::try_from(model(id)).unwrap();
    ModelListResult { models: ids.into_iter().map(entry).collect(), supported: true, fallback: false }
}

/// A failure.
pub(crate) fn nothing_found() -> DiscoveryError {
    DiscoveryError::NotInstalled { program: "The agent".to_owned() }
}
