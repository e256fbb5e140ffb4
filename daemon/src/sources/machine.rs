//! A machine without an agent program: it answers questions, and has no models.

use async_trait::async_trait;
use doorbell_protocol::ModelListResult;

use super::{ModelSource, SourceError};

/// The machine itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine;

#[async_trait]
impl ModelSource for Machine {
    fn name(&self) -> &str {
        "the machine"
    }

    fn query(&self) -> String {
        "nothing: it answers questions only".to_owned()
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        // No fallback: there is no list that could be obtained later.
        Ok(ModelListResult { models: Vec::new(), supported: false, fallback: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn has_no_models_and_supports_none() {
        let expected = ModelListResult { models: Vec::new(), supported: false, fallback: false };
        assert_eq!(Machine.list_models().await, Ok(expected));
    }
}
