//! A built-in catalog for `doorbell dev` on machines without an agent program. Its results always have `fallback` set.

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;

use super::{ModelSource, SourceError, model_list};

const CATALOG: &str = include_str!("../../sample-catalog.json");

/// The sample catalog.
#[derive(Clone, Copy, Debug)]
pub struct Sample;

impl Sample {
    /// The name for display.
    pub const NAME: &str = "Sample";
}

#[async_trait]
impl ModelSource for Sample {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn query(&self) -> String {
        "a catalog of this program".to_owned()
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let catalog = model_list::parse(CATALOG.as_bytes())
            .map_err(|_| SourceError::FileInvalid { file: "sample-catalog.json".to_owned() })?;
        Ok(ModelListResult { fallback: true, ..catalog })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_model_is_marked_as_sample() {
        let catalog = Sample.list_models().await.unwrap();
        assert!(catalog.fallback && catalog.supported);
        for model in catalog.models.iter().map(|entry| entry.model()) {
            assert!(model.id.starts_with("sample/") && model.label.starts_with("Sample "), "{model:?}");
            assert_eq!(model.provider.as_deref(), Some("sample"));
        }
    }

    #[tokio::test]
    async fn shows_every_field_and_one_default() {
        let models: Vec<_> =
            Sample.list_models().await.unwrap().models.iter().map(|entry| entry.model()).collect();
        assert_eq!(models.iter().filter(|model| model.default).count(), 1);
        let levels = models.iter().filter_map(|model| model.thinking.as_ref());
        assert!(levels.clone().any(|thinking| thinking.default_level.is_some()));
        assert!(
            levels.flat_map(|thinking| &thinking.supported_levels).any(|level| level.description.is_some())
        );
        assert!(models.iter().flat_map(|model| &model.service_tiers).any(|tier| tier.description.is_some()));
        assert!(models.iter().any(|model| model.thinking.is_none() && model.service_tiers.is_empty()));
    }

    /// A misspelt field would read as absent and be lost here.
    #[tokio::test]
    async fn has_only_fields_of_the_contract() {
        for entry in Sample.list_models().await.unwrap().models {
            assert_eq!(serde_json::json!(entry.model()), serde_json::json!(entry));
        }
    }
}
