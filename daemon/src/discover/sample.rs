//! A catalog to try things out with, on a machine without any agent program. It always says that it is one: `fallback`.

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;

use super::entries;
use super::{DiscoveryError, ModelSource};

const CATALOG: &str = include_str!("../../sample-catalog.json");

/// Lists models that nobody has.
#[derive(Clone, Copy, Debug)]
pub struct Sample;

impl Sample {
    /// What people call it.
    pub const NAME: &str = "Sample";
}

#[async_trait]
impl ModelSource for Sample {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        let catalog = entries::read(CATALOG.as_bytes())
            .map_err(|_| DiscoveryError::FileInvalid { file: "sample-catalog.json".to_owned() })?;
        Ok(ModelListResult { fallback: true, ..catalog })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_says_that_it_is_a_sample_in_every_place() {
        let catalog = Sample.discover().await.unwrap();
        assert!(catalog.fallback && catalog.supported);
        for model in catalog.models.iter().map(|entry| entry.model()) {
            assert!(model.id.starts_with("sample/") && model.label.starts_with("Sample "), "{model:?}");
            assert_eq!(model.provider.as_deref(), Some("sample"));
        }
    }

    #[tokio::test]
    async fn it_shows_every_field_and_one_default() {
        let models: Vec<_> =
            Sample.discover().await.unwrap().models.iter().map(|entry| entry.model()).collect();
        assert_eq!(models.iter().filter(|model| model.default).count(), 1);
        let levels = models.iter().filter_map(|model| model.thinking.as_ref());
        assert!(levels.clone().any(|thinking| thinking.default_level.is_some()));
        assert!(
            levels.flat_map(|thinking| &thinking.supported_levels).any(|level| level.description.is_some())
        );
        assert!(models.iter().flat_map(|model| &model.service_tiers).any(|tier| tier.description.is_some()));
        assert!(models.iter().any(|model| model.thinking.is_none() && model.service_tiers.is_empty()));
    }

    /// What is not of the contract's shape would read as absent, so the catalog has to survive being read and written.
    #[tokio::test]
    async fn it_holds_nothing_but_the_contracts_fields() {
        for entry in Sample.discover().await.unwrap().models {
            assert_eq!(serde_json::json!(entry.model()), serde_json::json!(entry));
        }
    }
}
