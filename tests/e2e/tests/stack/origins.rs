//! Browser clients from another origin. API Gateway answers them by itself, from the template.

use doorbell_shared::http::cors::{EXPOSED, HEADERS};
use doorbell_test_support::contract::ABSENT_RUNTIME;
use doorbell_test_support::{Caller, stack};
use reqwest::Method;
use reqwest::header::HeaderMap;

const ORIGIN: &str = "https://app.example";

fn lists(headers: &HeaderMap, name: &str, wanted: &str) -> bool {
    let listed = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    listed.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(wanted))
}

fn lets_in(headers: &HeaderMap) -> bool {
    ["*", ORIGIN].iter().any(|origin| lists(headers, "access-control-allow-origin", origin))
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn a_preflight_needs_no_token_and_says_what_may_be_sent() {
    let client = stack::client();
    let preflight = client
        .request(Method::OPTIONS, &format!("/api/runtimes/{ABSENT_RUNTIME}/models"))
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization");
    let answer = preflight.send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    assert!(lets_in(answer.headers()), "{answer:?}");
    assert!(lists(answer.headers(), "access-control-allow-methods", "POST"), "{answer:?}");
    for header in HEADERS {
        assert!(lists(answer.headers(), "access-control-allow-headers", header), "{header}: {answer:?}");
    }
}

#[tokio::test]
#[ignore = "needs a deployed stack: localstack/test.sh"]
async fn an_answer_may_be_read_by_scripts() {
    let client = stack::client();
    let request = client.request(Method::GET, "/api/runtimes").bearer_auth(client.token(Caller::UserA));
    let answer = request.header("origin", ORIGIN).send().await.unwrap();
    assert!(lets_in(answer.headers()), "{answer:?}");
    for header in EXPOSED {
        assert!(lists(answer.headers(), "access-control-expose-headers", header), "{header}: {answer:?}");
    }
}
