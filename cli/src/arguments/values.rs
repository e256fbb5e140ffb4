//! What several commands take: times, servers, tokens, workspaces. Each says what would do where something does not.

use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};
use doorbell_protocol::WorkspaceId;
use reqwest::Url;

use doorbell_gateway::WORKSPACE_A;

/// Where `doorbell dev` is.
pub(super) const DEV_URL: &str = "http://127.0.0.1:3000";

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if (Duration::from_millis(100)..=DAY).contains(&duration) => Ok(duration),
        _ => Err("at least 0.1 seconds and at most a day".to_owned()),
    }
}

pub(super) fn server(text: &str) -> Result<Url, String> {
    let url = text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https"));
    url.ok_or_else(|| format!("not an http:// or https:// URL such as {DEV_URL}"))
}

/// Not empty, and without the line's end that comes along from a file.
pub(super) fn token() -> impl TypedValueParser<Value = String> {
    NonEmptyStringValueParser::new().map(|token| token.trim().to_owned())
}

pub(super) fn workspace(text: &str) -> Result<WorkspaceId, String> {
    text.parse().map_err(|_| format!("not an id such as {WORKSPACE_A}, in lower case"))
}
