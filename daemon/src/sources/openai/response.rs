//! The response of `GET /models`.

use doorbell_protocol::Model;
use serde::{Deserialize, Deserializer};

use crate::sources::entries::Entries;

/// The response. llama.cpp adds a `models` of its own; `data` is the API's field.
#[derive(Deserialize)]
pub(super) struct ModelsResponse {
    #[serde(deserialize_with = "required")]
    pub(super) data: Option<Entries<ServerModel>>,
}

#[derive(Deserialize)]
pub(super) struct ServerModel {
    id: String,
    owned_by: Option<String>,
}

/// A server without models may send `null`. A response without the field is not OpenAI's.
fn required<'de, D: Deserializer<'de>>(data: D) -> Result<Option<Entries<ServerModel>>, D::Error> {
    Option::deserialize(data)
}

impl From<ServerModel> for Model {
    fn from(model: ServerModel) -> Self {
        let provider = model.owned_by.filter(|owner| !owner.is_empty());
        Self { label: model.id.clone(), id: model.id, provider, ..Self::default() }
    }
}
