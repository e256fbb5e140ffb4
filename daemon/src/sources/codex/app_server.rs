//! `codex app-server`: JSON-RPC, method `model/list`, a page at a time. Needs no login and no network.

use doorbell_protocol::{Model, ModelListResult};
use serde::Deserialize;
use serde_json::json;

use super::{LOGIN, Tier, service_tiers};
use crate::sources::SourceError;
use crate::sources::conversation::Conversation;
use crate::sources::entries::Entries;
use crate::sources::json_rpc::{CallError, JsonRpc};
use crate::sources::process::Program;
use crate::sources::thinking::{level, thinking};

/// The arguments.
pub(super) const ARGUMENTS: [&str; 1] = ["app-server"];

/// How many models a page has.
const PAGE: usize = 100;

/// How many pages are read. More is a cursor that does not end.
const PAGES: usize = 20;

/// Runs `program`, which has [`ARGUMENTS`].
pub(super) async fn list(program: &Program) -> Result<ModelListResult, SourceError> {
    let listed = entries(JsonRpc::new(Conversation::start(program, LOGIN)?)).await;
    let models = match listed {
        Ok(mut entries) => {
            entries.usable.retain(|entry| !entry.hidden);
            entries.map(Model::from).into_result()
        }
        Err(CallError::Source(error)) => return Err(error),
        // Of an unknown method Codex says that the request is invalid.
        Err(CallError::Refused { .. } | CallError::InvalidResult) => None,
    };
    models.ok_or_else(|| program.invalid_output())
}

async fn entries(mut server: JsonRpc<'_>) -> Result<Entries<ServerModel>, CallError> {
    let client = json!({"name": "doorbell", "title": "Doorbell", "version": env!("CARGO_PKG_VERSION")});
    server.call::<serde_json::Value>("initialize", json!({"clientInfo": client})).await?;
    server.notify("initialized").await?;
    let mut all = Entries::default();
    let mut cursor = None;
    for _ in 0..PAGES {
        let page: Page = server.call("model/list", json!({"limit": PAGE, "cursor": cursor})).await?;
        all.usable.extend(page.data.usable);
        all.has_bad |= page.data.has_bad;
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
    Err(CallError::InvalidResult)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    data: Entries<ServerModel>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerModel {
    /// What `codex --model` takes: the catalog's slug.
    model: String,
    display_name: Option<String>,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    is_default: bool,
    default_reasoning_effort: Option<String>,
    supported_reasoning_efforts: Option<Entries<Effort>>,
    service_tiers: Option<Entries<Tier>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Effort {
    reasoning_effort: String,
    description: Option<String>,
}

impl From<ServerModel> for Model {
    fn from(entry: ServerModel) -> Self {
        let levels = entry.supported_reasoning_efforts.unwrap_or_default().usable.into_iter();
        let levels = levels.map(|effort| level(effort.reasoning_effort, effort.description));
        Self {
            label: entry.display_name.unwrap_or_else(|| entry.model.clone()),
            id: entry.model,
            provider: Some("openai".to_owned()),
            default: entry.is_default,
            thinking: thinking(levels, entry.default_reasoning_effort),
            service_tiers: service_tiers(entry.service_tiers),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::sources::launch::Launch;
    use crate::sources::script::executable;

    /// Answers the calls with these results. The script ends with an error if a message is another than Codex's protocol has.
    async fn list(pages: &[Value]) -> Result<ModelListResult, SourceError> {
        let mut body = "expect() { read -r line; case \"$line\" in *\"$1\"*) ;; *) exit 1;; esac; }\n\
                        expect '\"method\":\"initialize\",\"params\":{\"clientInfo\":{\"name\":\"doorbell\"'\n\
                        echo '{\"id\":1,\"result\":{\"userAgent\":\"x\"}}'\n\
                        expect '\"method\":\"initialized\"'\n"
            .to_owned();
        let mut cursor = Value::Null;
        for (number, page) in pages.iter().enumerate() {
            let id = number + 2;
            let answer = json!({"id": id, "result": page});
            body += &format!(
                "expect '\"id\":{id},\"method\":\"model/list\",\"params\":{{\"limit\":100,\"cursor\":{cursor}}}'\n\
                 cat <<'END'\n{{\"method\":\"notice\",\"params\":{{}}}}\n{answer}\nEND\n"
            );
            cursor = page["nextCursor"].clone();
        }
        let folder = tempfile::tempdir().unwrap();
        let launch = Launch::of(executable(folder.path(), "codex", &format!("{body}read -r end")));
        super::list(&launch.with(ARGUMENTS)).await
    }

    #[tokio::test]
    async fn maps_every_field() {
        let page = json!({"nextCursor": null, "data": [{
            "id": "fast-1", "model": "fast-1", "displayName": "Fast One", "description": "New", "hidden": false,
            "supportedReasoningEfforts": [
                {"reasoningEffort": "low", "description": "Quick"}, {"reasoningEffort": "xhigh", "description": "Slow"},
            ],
            "defaultReasoningEffort": "low", "inputModalities": ["text"], "isDefault": true,
            "serviceTiers": [{"id": "priority", "name": "Faster", "description": "2x"}], "defaultServiceTier": null,
        }]});
        let expected = json!([{
            "id": "fast-1", "label": "Fast One", "provider": "openai", "default": true,
            "thinking": {
                "supported_levels": [
                    {"value": "low", "label": "Low", "description": "Quick"},
                    {"value": "xhigh", "label": "Extra high", "description": "Slow"},
                ],
                "default_level": "low",
            },
            "service_tiers": [{"id": "priority", "name": "Faster", "description": "2x"}],
        }]);
        let result = list(&[page]).await.unwrap();
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn reads_pages_in_order_without_hidden_models() {
        let pages = [
            json!({"data": [{"model": "a"}, {"model": "hidden", "hidden": true}], "nextCursor": "2"}),
            json!({"data": [{"model": "b", "isDefault": true}], "nextCursor": "3"}),
            json!({"data": []}),
        ];
        let models = list(&pages).await.unwrap().models;
        let models: Vec<_> = models.iter().map(|entry| entry.model()).collect();
        let shown: Vec<_> = models.iter().map(|model| (model.id.as_str(), model.default)).collect();
        assert_eq!(shown, [("a", false), ("b", true)]);
    }

    #[tokio::test]
    async fn bad_entry_loses_one_entry() {
        let page = json!({"data": [{"model": 1}, {"id": "x"}, {"model": "a", "displayName": null}]});
        let models = list(&[page]).await.unwrap().models;
        assert_eq!(json!(models), json!([{"id": "a", "label": "a", "provider": "openai"}]));
    }

    #[tokio::test]
    async fn endless_cursor_is_no_list() {
        let pages = vec![json!({"data": [{"model": "a"}], "nextCursor": "again"}); PAGES + 1];
        let error = list(&pages).await.unwrap_err();
        assert_eq!(error, SourceError::InvalidOutput { program: "codex".to_owned() });
    }
}
