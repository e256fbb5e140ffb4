//! Servers with OpenAI's API, such as Ollama, LM Studio, llama.cpp and vLLM: `GET {base}/models`.
//!
//! Errors, names and `Debug` output contain neither the API key nor the URL's user, password and query.

mod refusal;
mod response;

use std::fmt;

use async_trait::async_trait;
use doorbell_protocol::{Model, ModelListResult};
use reqwest::{Client, Response, Url};

use super::model_list::LIST_BYTES;
use super::{ModelSource, SourceError};
use response::ModelsResponse;

/// An OpenAI-compatible server.
pub struct OpenAi {
    client: Client,
    models: Url,
    api_key: Option<String>,
    display_url: String,
    name: String,
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenAi").field(&self.display_url).finish()
    }
}

impl OpenAi {
    /// The server at its base URL, which usually ends in `/v1`. The key is sent as a bearer token.
    pub fn new(client: Client, base: &Url, api_key: Option<String>) -> Self {
        let mut models = base.clone();
        if let Ok(mut path) = models.path_segments_mut() {
            path.pop_if_empty().push("models");
        }
        let display_url = without_secrets(base);
        let name = format!("the server at {display_url}");
        Self { client, models, api_key, display_url, name }
    }

    async fn fetch(&self) -> Result<Response, SourceError> {
        let request = self.client.get(self.models.clone());
        let request = match &self.api_key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let response = request.send().await.map_err(|_| self.unreachable())?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal::error(response, self.display_url.clone()).await)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, SourceError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| self.unreachable())? {
            if body.len() + chunk.len() > LIST_BYTES {
                return Err(self.invalid_response());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self) -> SourceError {
        SourceError::Unreachable { url: self.display_url.clone() }
    }

    fn invalid_response(&self) -> SourceError {
        SourceError::InvalidResponse { url: self.display_url.clone() }
    }
}

#[async_trait]
impl ModelSource for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    fn query(&self) -> String {
        format!("GET {}/models", self.display_url)
    }

    async fn list_models(&self) -> Result<ModelListResult, SourceError> {
        let body = self.body(self.fetch().await?).await?;
        let list: ModelsResponse = serde_json::from_slice(&body).map_err(|_| self.invalid_response())?;
        let models = list.data.unwrap_or_default().map(Model::from);
        models.into_result().ok_or_else(|| self.invalid_response())
    }
}

fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    // These fail only for a URL that cannot have a user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::get;
    use reqwest::StatusCode;
    use serde_json::json;
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    const KEY: &str = "sk-secret";

    fn source(base: &str, api_key: Option<&str>) -> OpenAi {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        OpenAi::new(client, &base.parse().unwrap(), api_key.map(str::to_owned))
    }

    /// Starts a server and returns its `http://host:port`.
    async fn serve(router: Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// The result of a server that responds with `status` and `body`, and its base URL.
    async fn list(status: u16, body: &'static str) -> (Result<ModelListResult, SourceError>, String) {
        let status = StatusCode::from_u16(status).unwrap();
        let base = serve(Router::new().route("/v1/models", get(move || async move { (status, body) }))).await;
        let base = format!("{base}/v1");
        (source(&base, Some(KEY)).list_models().await, base)
    }

    #[tokio::test]
    async fn each_entry_of_data_is_a_model() {
        let body = r#"{"object": "list", "models": [{"name": "other"}], "data": [
            {"id": "a:7b", "object": "model", "owned_by": "library"}, {"id": "b", "owned_by": ""}, {"id": "c"}
        ]}"#;
        let result = list(200, body).await.0.unwrap();
        let expected = json!([
            {"id": "a:7b", "label": "a:7b", "provider": "library"},
            {"id": "b", "label": "b"},
            {"id": "c", "label": "c"},
        ]);
        assert_eq!(json!(result.models), expected);
        assert!(result.supported && !result.fallback);
    }

    #[tokio::test]
    async fn accepts_server_without_models() {
        for body in [r#"{"data": []}"#, r#"{"data": null}"#] {
            assert_eq!(list(200, body).await.0.unwrap().models, [], "{body}");
        }
    }

    #[tokio::test]
    async fn bad_entry_loses_one_entry() {
        let body = r#"{"data": [{"id": ""}, {"id": 1}, {"name": "x"}, "y", {"id": "a"}]}"#;
        assert_eq!(json!(list(200, body).await.0.unwrap().models), json!([{"id": "a", "label": "a"}]));
    }

    #[tokio::test]
    async fn base_url_may_end_in_slash() {
        let base = serve(Router::new().route("/v1/models", get(|| async { r#"{"data": []}"# }))).await;
        for base in [format!("{base}/v1"), format!("{base}/v1/")] {
            assert!(source(&base, None).list_models().await.is_ok(), "{base}");
        }
    }

    #[tokio::test]
    async fn sends_key_only_if_configured() {
        let echo = |headers: HeaderMap| async move {
            let sent = headers.get("authorization").map_or("nothing", |value| value.to_str().unwrap());
            json!({"data": [{"id": sent}]}).to_string()
        };
        let base = serve(Router::new().route("/v1/models", get(echo))).await + "/v1";
        for (key, sent) in [(Some(KEY), "Bearer sk-secret"), (None, "nothing")] {
            let result = source(&base, key).list_models().await.unwrap();
            assert_eq!(result.models[0].model().id, sent);
        }
    }

    #[tokio::test]
    async fn rejected_key_is_named() {
        for status in [401, 403] {
            let (result, base) = list(status, "secret words").await;
            let text = format!("the server at {base} answered {status}: check its API key");
            assert_eq!(result.unwrap_err().to_string(), text);
        }
    }

    #[tokio::test]
    async fn bad_request_about_key_names_it() {
        let bodies = [
            r#"{"error":{"message":"No connected db.","type":"no_db_connection","param":null,"code":"400"}}"#,
            r#"{"error":{"message":"Authentication Error, secret","type":"auth_error","code":400}}"#,
            "Invalid API key: sk-secret",
        ];
        for body in bodies {
            let (result, base) = list(400, body).await;
            let text = format!("the server at {base} answered 400: check its API key");
            assert_eq!(result.unwrap_err().to_string(), text, "{body}");
        }
    }

    #[tokio::test]
    async fn error_names_other_status() {
        for status in [400, 404, 500] {
            let (result, base) = list(status, r#"{"data": []}"#).await;
            let text = format!(
                "the server at {base} answered {status} when asked for its models; is that the right address?"
            );
            assert_eq!(result.unwrap_err().to_string(), text);
        }
    }

    #[tokio::test]
    async fn rejects_other_body_without_repeating_it() {
        for body in ["<html>secret</html>", "[]", r#"{"error": "secret"}"#, r#"{"data": [{"id": ""}]}"#] {
            let (result, base) = list(200, body).await;
            let text = format!(
                "the server at {base} answered something other than a list of models; is it OpenAI-compatible?"
            );
            assert_eq!(result.unwrap_err().to_string(), text, "{body}");
        }
    }

    #[tokio::test]
    async fn rejects_body_over_limit() {
        let endless = get(|| async { format!(r#"{{"data": [{{"id": "{}"}}]}}"#, "x".repeat(LIST_BYTES)) });
        let base = serve(Router::new().route("/v1/models", endless)).await + "/v1";
        let error = source(&base, None).list_models().await.unwrap_err();
        assert_eq!(error, SourceError::InvalidResponse { url: base });
    }

    #[tokio::test]
    async fn unreachable_error_hides_secrets_of_url() {
        // Bound but not listening: connections fail, and no other test can get the port.
        let bound = TcpSocket::new_v4().unwrap();
        bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = bound.local_addr().unwrap();
        let base = format!("http://user:secret@{closed}/v1/?key=secret#secret");
        let error = source(&base, Some(KEY)).list_models().await.unwrap_err();
        let text = format!("no OpenAI-compatible server answers at http://{closed}/v1; is it running?");
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn name_and_debug_output_hide_secrets() {
        let source = source("http://user:secret@localhost/v1?key=secret", Some(KEY));
        assert_eq!(source.name(), "the server at http://localhost/v1");
        assert_eq!(format!("{source:?}"), r#"OpenAi("http://localhost/v1")"#);
    }
}
