//! CORS, which API Gateway handles by the template.

use doorbell_shared::http::routes::{CORS_EXPOSED_HEADERS, CORS_HEADERS};
use doorbell_test_support::contract::ABSENT_RUNTIME;
use doorbell_test_support::{Caller, stack};
use reqwest::Method;
use reqwest::header::HeaderMap;

const ORIGIN: &str = "https://app.example";

fn lists(headers: &HeaderMap, name: &str, wanted: &str) -> bool {
    let listed = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    listed.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(wanted))
}

/// A named origin may send credentials; browsers refuse them where any origin is allowed.
fn allows_origin(headers: &HeaderMap) -> bool {
    let has_credentials = lists(headers, "access-control-allow-credentials", "true");
    let allows = |origin| lists(headers, "access-control-allow-origin", origin);
    (allows("*") && !has_credentials) || (allows(ORIGIN) && has_credentials)
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn preflight_needs_no_token_and_lists_headers() {
    let client = stack::client();
    let preflight = client
        .request(Method::OPTIONS, &format!("/api/runtimes/{ABSENT_RUNTIME}/models"))
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization");
    let response = preflight.send().await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    assert!(allows_origin(response.headers()), "{response:?}");
    assert!(lists(response.headers(), "access-control-allow-methods", "POST"), "{response:?}");
    for header in CORS_HEADERS {
        assert!(lists(response.headers(), "access-control-allow-headers", header), "{header}: {response:?}");
    }
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn other_origin_is_not_allowed_credentials() {
    let client = stack::client();
    let request = client.request(Method::GET, "/api/runtimes").bearer_auth(client.token(Caller::UserA));
    let response = request.header("origin", "https://evil.example").send().await.unwrap();
    assert!(
        !lists(response.headers(), "access-control-allow-origin", "https://evil.example"),
        "{response:?}"
    );
    assert!(!lists(response.headers(), "access-control-allow-credentials", "true"), "{response:?}");
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn responses_are_readable_by_scripts() {
    let client = stack::client();
    let request = client.request(Method::GET, "/api/runtimes").bearer_auth(client.token(Caller::UserA));
    let response = request.header("origin", ORIGIN).send().await.unwrap();
    assert!(allows_origin(response.headers()), "{response:?}");
    for header in CORS_EXPOSED_HEADERS {
        assert!(lists(response.headers(), "access-control-expose-headers", header), "{header}: {response:?}");
    }
}
