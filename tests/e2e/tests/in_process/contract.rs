//! The contract suite in process, and what the local gateway responds by itself.

mod catalog;
mod joining;
mod rate_limit;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use doorbell_shared::http::routes;
use doorbell_test_support::contract::{ABSENT_REQUEST, ABSENT_RUNTIME, paths};
use doorbell_test_support::{ApiResponse, Caller, TestApi};
use reqwest::Method;
use serde_json::json;

mod in_process {
    doorbell_test_support::contract_suite!([] doorbell_test_support::contract::Target::in_process);
}

/// As `doorbell dev --functions` serves them: each event and each response crosses a socket as JSON.
mod invoked {
    doorbell_test_support::contract_suite!([] doorbell_test_support::contract::Target::invoked);
}

#[tokio::test]
async fn gateway_rejects_missing_token_with_text() {
    let api = TestApi::start().await;
    let response = api.send(api.request(Method::GET, "/api/runtimes")).await;
    assert_eq!(response, ApiResponse::error(401, "a valid bearer token is required"));
}

#[tokio::test]
async fn gateway_rejects_unknown_path_with_text() {
    let api = TestApi::start().await;
    for path in ["/page", "/healthz/", "/api/daemon/unknown"] {
        let response = api.send(api.request(Method::POST, path).bearer_auth("dbu_dev_a")).await;
        assert_eq!(response, ApiResponse::error(404, "not found"), "{path}");
    }
}

#[tokio::test]
async fn gateway_names_allowed_method_of_every_route() {
    let api = TestApi::start().await;
    let with_paths = |route: routes::Route| {
        paths(&route, ABSENT_RUNTIME, ABSENT_REQUEST).into_iter().map(move |path| (route, path))
    };
    for (route, path) in routes::all().flat_map(with_paths) {
        let is_cancellable = path.ends_with(&format!("/requests/{ABSENT_REQUEST}"));
        let others = [Method::PUT, Method::DELETE, Method::PATCH].into_iter();
        for other in others.filter(|other| other.as_str() != route.method) {
            if other == Method::DELETE && is_cancellable {
                continue;
            }
            let response = api.request(other, &path).bearer_auth("dbu_dev_a").send().await.unwrap();
            assert_eq!(response.status(), 405, "{route:?}");
            let allowed = response.headers()["allow"].to_str().unwrap().to_owned();
            assert!(allowed.split(',').any(|method| method.trim() == route.method), "{route:?} {allowed}");
            assert_eq!(response.text().await.unwrap(), r#"{"error":"method not allowed"}"#);
        }
    }
}

/// The response to a heartbeat with these headers and body, after which the client sends nothing more.
fn respond_to(addr: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    let request = format!(
        "POST /api/daemon/heartbeat HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer dbd_dev_a\r\n\
         connection: close\r\n{headers}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// A daemon takes 413 for a report that is too large, and gives up.
#[tokio::test(flavor = "multi_thread")]
async fn cut_off_or_badly_chunked_body_is_malformed() {
    let api = TestApi::start().await;
    let addr = api.url().replace("http://", "");
    for (headers, body) in [
        ("content-length: 100", "{\"runtime_id\":"),
        ("content-length: 100", ""),
        ("transfer-encoding: chunked", "5\r\n{\"run"),
        ("transfer-encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
        ("transfer-encoding: chunked", "2\r\n{}XX0\r\n\r\n"),
    ] {
        let response = respond_to(&addr, headers, body);
        assert!(response.starts_with("HTTP/1.1 400 "), "{headers} {body:?}: {response:?}");
        assert!(response.ends_with(r#"{"error":"invalid request body"}"#), "{response:?}");
    }
}

/// API Gateway's own limit, above which no function is called.
#[tokio::test(flavor = "multi_thread")]
async fn gateway_rejects_body_over_10_mib() {
    let api = TestApi::start().await;
    let body = " ".repeat(10 * 1024 * 1024 + 1);
    let response = api.post_raw(Caller::DaemonA, "/api/daemon/heartbeat", body).await;
    assert_eq!(response, ApiResponse::error(413, "request body too large"));
}

/// Each stalled client would hold one of the permits for concurrent requests.
#[tokio::test]
async fn clients_that_stall_in_their_bodies_do_not_block_others() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let addr = api.url().replace("http://", "");
    let stalled = format!(
        "POST /api/daemon/heartbeat HTTP/1.1\r\nhost: {addr}\r\n\
         authorization: Bearer dbd_dev_a\r\ncontent-length: 100\r\n\r\n{{"
    );
    let connect = |_| {
        let mut stream = TcpStream::connect(&addr).unwrap();
        stream.write_all(stalled.as_bytes()).unwrap();
        stream
    };
    let stalled: Vec<_> = (0..64).map(connect).collect();
    // The API runs on this thread and accepts all connections here.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(api.heartbeat(&runtime).await, ApiResponse::ok(json!({"status": "ok"})));
    drop(stalled);
}
