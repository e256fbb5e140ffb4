//! What browsers on other origins are told.

use doorbell_client::http_client;
use reqwest::Method;
use reqwest::header::HeaderMap;

use crate::support::dev::Dev;
use crate::support::machine::Machine;

const ORIGIN: &str = "https://app.example.com";

async fn preflight(dev: &Dev, origin: &str) -> HeaderMap {
    let url = format!("{}/api/runtimes", dev.url);
    let request = http_client().unwrap().request(Method::OPTIONS, url).header("origin", origin);
    let request = request.header("access-control-request-method", "GET");
    let request = request.header("access-control-request-headers", "authorization,x-workspace-slug");
    request.send().await.unwrap().headers().clone()
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn any_origin_may_ask_without_credentials_when_it_is_told_so() {
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", "*"]).await;
    let headers = preflight(&dev, ORIGIN).await;
    assert_eq!(text(&headers, "access-control-allow-origin"), Some("*"));
    assert_eq!(text(&headers, "access-control-allow-credentials"), None);
    let allowed = text(&headers, "access-control-allow-headers").unwrap().to_lowercase();
    for name in
        ["authorization", "content-type", "x-request-id", "x-workspace-slug", "x-csrf-token", "x-client-os"]
    {
        assert!(allowed.contains(name), "{name}: {allowed}");
    }
}

/// Its tokens are public, and loopback is open to every page in the browser.
#[tokio::test]
async fn no_origin_may_ask_unless_it_is_named() {
    let headers = preflight(&Dev::without_daemon().await, ORIGIN).await;
    assert_eq!(text(&headers, "access-control-allow-origin"), None);
}

#[tokio::test]
async fn named_origins_may_send_credentials_and_others_may_not_ask() {
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", ORIGIN]).await;
    let named = preflight(&dev, ORIGIN).await;
    assert_eq!(text(&named, "access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(text(&named, "access-control-allow-credentials"), Some("true"));
    let other = preflight(&dev, "https://evil.example.com").await;
    assert_eq!(text(&other, "access-control-allow-origin"), None);
}

#[tokio::test]
async fn an_answer_names_the_origin_also_when_it_is_an_error() {
    let dev = Dev::start(&Machine::new(), &["--no-daemon", "--cors-origin", "*"]).await;
    let request = http_client().unwrap().get(format!("{}/api/runtimes", dev.url)).header("origin", ORIGIN);
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), text(answer.headers(), "access-control-allow-origin")),
        (401, Some("*"))
    );
}
