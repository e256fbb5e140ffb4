//! Why a server refused to list its models: its API key, or something else.

use reqwest::{Response, StatusCode};

use crate::sources::SourceError;

/// How much of an error's body is searched for the reason.
const ERROR_BYTES: usize = 64 << 10;

/// What servers that answer 400 to a wrong API key say, in lower case. LiteLLM without a database looks for any key but its
/// own in the database, and names that (`no_db_connection`).
const WRONG_KEY: [&str; 6] =
    ["api key", "api_key", "auth_error", "authentication", "no_db_connection", "unauthorized"];

/// The error of a response without success, from the server at `url`.
pub(super) async fn error(response: Response, url: String) -> SourceError {
    let status = response.status();
    let is_about_key = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => true,
        StatusCode::BAD_REQUEST => names_key(response).await,
        _ => false,
    };
    let status = status.as_u16();
    if is_about_key {
        SourceError::KeyRejected { url, status }
    } else {
        SourceError::UnexpectedStatus { url, status }
    }
}

/// Whether an error's body is about the API key. The body is dropped: it may repeat the key.
async fn names_key(mut response: Response) -> bool {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= ERROR_BYTES {
            break;
        }
    }
    let body = String::from_utf8_lossy(&body).to_lowercase();
    WRONG_KEY.iter().any(|words| body.contains(words))
}
