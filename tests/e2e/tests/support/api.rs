//! Calls of the API without the command.

use reqwest::Method;
use serde_json::Value;

use super::with_timeout;

/// The tokens and workspaces of `doorbell dev`.
pub const USER_A: &str = "dbu_dev_a";
pub const DAEMON_A: &str = "dbd_dev_a";
pub const ADMIN_A: &str = "dba_dev_a";
pub const USER_B: &str = "dbu_dev_b";
pub const DAEMON_B: &str = "dbd_dev_b";
pub const WORKSPACE_A: &str = "00000000-0000-4000-8000-00000000000a";
pub const WORKSPACE_B: &str = "00000000-0000-4000-8000-00000000000b";

/// Returns the status and the JSON body.
pub async fn call(method: Method, url: &str, authorization: &str) -> (u16, Value) {
    let http = doorbell_client::http_client().unwrap();
    let request = http.request(method, url).header("authorization", authorization);
    let response = with_timeout(url, request.send()).await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&with_timeout(url, response.bytes()).await.unwrap()).unwrap())
}

/// Returns the body of a 200.
pub async fn get(url: &str, token: &str) -> Value {
    let (status, body) = call(Method::GET, url, &format!("Bearer {token}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Sends the request of a `curl` command line.
pub async fn run_curl(line: &str) -> (u16, Value) {
    let rest = line.trim().strip_prefix("curl ").unwrap();
    let (method, rest) = match rest.strip_prefix("-sX POST ") {
        Some(rest) => (Method::POST, rest),
        None => (Method::GET, rest.strip_prefix("-s ").unwrap()),
    };
    let (header, url) = rest.strip_prefix("-H '").and_then(|rest| rest.split_once("' ")).unwrap();
    assert!(!url.contains([' ', '<', '\'']), "a shell cannot parse {url}");
    call(method, url, header.strip_prefix("Authorization: ").unwrap()).await
}
