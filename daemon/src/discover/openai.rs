//! Any server that speaks OpenAI's API: `GET {base}/models`. Ollama, LM Studio, llama.cpp, vLLM and many more.
//!
//! A key is sent to the server and told to nobody else; nor is a user, password or query that the address may hold.

use std::fmt;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};
use reqwest::{Client, Response, StatusCode, Url};
use serde::{Deserialize, Deserializer};

use super::bounded::LIST_BYTES;
use super::{DiscoveryError, ModelSource, listed};

/// Asks a server.
pub struct OpenAi {
    client: Client,
    models: Url,
    api_key: Option<String>,
    shown: String,
    name: String,
}

/// Without the key, and without what the address may hold of secrets.
impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenAi").field(&self.shown).finish()
    }
}

impl OpenAi {
    /// The server at `base`, which is what its documentation calls the base URL and ends in `/v1` as a rule.
    pub fn new(client: Client, base: &Url, api_key: Option<String>) -> Self {
        let mut models = base.clone();
        if let Ok(mut path) = models.path_segments_mut() {
            path.pop_if_empty().push("models");
        }
        let shown = without_secrets(base);
        let name = format!("the server at {shown}");
        Self { client, models, api_key, shown, name }
    }

    async fn ask(&self) -> Result<Response, DiscoveryError> {
        let question = self.client.get(self.models.clone());
        let question = match &self.api_key {
            Some(key) => question.bearer_auth(key),
            None => question,
        };
        let answer = question.send().await.map_err(|_| self.unreachable())?;
        self.check(answer.status()).map(|()| answer)
    }

    fn check(&self, status: StatusCode) -> Result<(), DiscoveryError> {
        let (url, code) = (self.shown.clone(), status.as_u16());
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(DiscoveryError::Refused { url, status: code })
            }
            _ => Err(DiscoveryError::UnexpectedStatus { url, status: code }),
        }
    }

    async fn body(&self, mut answer: Response) -> Result<Vec<u8>, DiscoveryError> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| self.unreachable())? {
            if body.len() + chunk.len() > LIST_BYTES {
                return Err(self.unreadable());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self) -> DiscoveryError {
        DiscoveryError::Unreachable { url: self.shown.clone() }
    }

    fn unreadable(&self) -> DiscoveryError {
        DiscoveryError::UnreadableAnswer { url: self.shown.clone() }
    }
}

#[async_trait]
impl ModelSource for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    async fn discover(&self) -> Result<ModelListResult, DiscoveryError> {
        let body = self.body(self.ask().await?).await?;
        let list: List = serde_json::from_slice(&body).map_err(|_| self.unreadable())?;
        let models = list.data.into_iter().flatten().map(Model::from);
        listed(models).map_err(|_| self.unreadable())
    }
}

/// The address, as it may be shown to anybody.
fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    // These fail only on addresses that can't have a user in the first place.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.as_str().trim_end_matches('/').to_owned()
}

/// What is answered. llama.cpp sends a `models` of its own as well; `data` is the one of the API.
#[derive(Deserialize)]
struct List {
    #[serde(deserialize_with = "present")]
    data: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    owned_by: Option<String>,
}

/// A server without models may answer `null`. One that leaves the field out answers something else.
fn present<'de, D: Deserializer<'de>>(data: D) -> Result<Option<Vec<Entry>>, D::Error> {
    Option::deserialize(data)
}

impl From<Entry> for Model {
    fn from(entry: Entry) -> Self {
        let provider = entry.owned_by.filter(|owner| !owner.is_empty());
        Self { label: entry.id.clone(), id: entry.id, provider, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::get;
    use serde_json::json;
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    const KEY: &str = "sk-secret";

    fn discoverer(base: &str, api_key: Option<&str>) -> OpenAi {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        OpenAi::new(client, &base.parse().unwrap(), api_key.map(str::to_owned))
    }

    /// A server whose models are at `/v1/models`, and its `http://host:port`.
    async fn serve(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// What comes of a server that answers `status` and `body`, and the base URL it is asked at.
    async fn answer(status: u16, body: &'static str) -> (Result<ModelListResult, DiscoveryError>, String) {
        let status = StatusCode::from_u16(status).unwrap();
        let base = serve(Router::new().route("/v1/models", get(move || async move { (status, body) }))).await;
        let base = format!("{base}/v1");
        (discoverer(&base, Some(KEY)).discover().await, base)
    }

    #[tokio::test]
    async fn each_entry_of_data_is_a_model() {
        let body = r#"{"object": "list", "models": [{"name": "other"}], "data": [
            {"id": "a:7b", "object": "model", "owned_by": "library"}, {"id": "b", "owned_by": ""}, {"id": "c"}
        ]}"#;
        let result = answer(200, body).await.0.unwrap();
        let expected = json!([
            {"id": "a:7b", "label": "a:7b", "provider": "library"},
            {"id": "b", "label": "b"},
            {"id": "c", "label": "c"},
        ]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn a_server_without_models_has_an_answer() {
        for body in [r#"{"data": []}"#, r#"{"data": null}"#] {
            assert_eq!(answer(200, body).await.0.unwrap().models, [], "{body}");
        }
    }

    #[tokio::test]
    async fn the_base_may_end_in_a_slash() {
        let base = serve(Router::new().route("/v1/models", get(|| async { r#"{"data": []}"# }))).await;
        for base in [format!("{base}/v1"), format!("{base}/v1/")] {
            assert!(discoverer(&base, None).discover().await.is_ok(), "{base}");
        }
    }

    #[tokio::test]
    async fn the_key_is_sent_and_without_one_nothing_is() {
        let echo = |headers: HeaderMap| async move {
            let sent = headers.get("authorization").map_or("nothing", |value| value.to_str().unwrap());
            json!({"data": [{"id": sent}]}).to_string()
        };
        let base = serve(Router::new().route("/v1/models", get(echo))).await + "/v1";
        for (key, sent) in [(Some(KEY), "Bearer sk-secret"), (None, "nothing")] {
            let result = discoverer(&base, key).discover().await.unwrap();
            assert_eq!(result.models[0].model().id, sent);
        }
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_told_with_its_key_in_mind() {
        for status in [401, 403] {
            let (result, base) = answer(status, "secret words").await;
            let text = format!("the server at {base} answered {status}: check its API key");
            assert_eq!(result.unwrap_err().to_string(), text);
        }
    }

    #[tokio::test]
    async fn any_other_status_is_told() {
        for status in [404, 500] {
            let (result, base) = answer(status, r#"{"data": []}"#).await;
            let text = format!(
                "the server at {base} answered {status} when asked for its models; is that the right address?"
            );
            assert_eq!(result.unwrap_err().to_string(), text);
        }
    }

    #[tokio::test]
    async fn anything_else_is_unreadable_and_not_repeated() {
        for body in ["<html>secret</html>", "[]", r#"{"error": "secret"}"#, r#"{"data": [{"id": ""}]}"#] {
            let (result, base) = answer(200, body).await;
            let text = format!(
                "the server at {base} answered something other than a list of models; is it OpenAI-compatible?"
            );
            assert_eq!(result.unwrap_err().to_string(), text, "{body}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up() {
        let endless = get(|| async { format!(r#"{{"data": [{{"id": "{}"}}]}}"#, "x".repeat(LIST_BYTES)) });
        let base = serve(Router::new().route("/v1/models", endless)).await + "/v1";
        let error = discoverer(&base, None).discover().await.unwrap_err();
        assert_eq!(error, DiscoveryError::UnreadableAnswer { url: base });
    }

    #[tokio::test]
    async fn nobody_there_is_told_without_the_secrets_of_the_address() {
        // Bound and not listening: nobody answers there, and no other test can be given the port.
        let bound = TcpSocket::new_v4().unwrap();
        bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = bound.local_addr().unwrap();
        let base = format!("http://user:secret@{closed}/v1/?key=secret#secret");
        let error = discoverer(&base, Some(KEY)).discover().await.unwrap_err();
        let text = format!("no OpenAI-compatible server answers at http://{closed}/v1; is it running?");
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn neither_its_name_nor_its_debug_output_holds_a_secret() {
        let discoverer = discoverer("http://user:secret@localhost/v1?key=secret", Some(KEY));
        assert_eq!(discoverer.name(), "the server at http://localhost/v1");
        assert_eq!(format!("{discoverer:?}"), r#"OpenAi("http://localhost/v1")"#);
    }
}
