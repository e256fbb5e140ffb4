//! The local gateway makes an event of any HTTP request; a panic would close the connection.

use std::io::{Read, Write};
use std::net::TcpStream;

use doorbell_shared::store::memory::MemoryStore;
use doorbell_test_support::TestApi;

/// The status of the response to a request with exactly these bytes. `{addr}` in the headers is the gateway's own host.
fn status(api: &TestApi, target: &str, headers: &str) -> String {
    let addr = api.url().trim_start_matches("http://");
    let headers = headers.replace("{addr}", addr);
    let mut connection = TcpStream::connect(addr).unwrap();
    let request = format!(
        "GET {target} HTTP/1.1\r\n{headers}\r\nAuthorization: Bearer dbu_dev_a\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).unwrap();
    response.split(' ').nth(1).unwrap_or("no response").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_foreign_or_malformed_host() {
    let api = TestApi::with_store(MemoryStore::default()).await;
    for headers in [
        "X-Host: {addr}",
        "Host: evil.example",
        "Host: a b",
        "Host: x:99999",
        "Host: %%",
        "Host: [::",
        "Host:",
        "Host: \u{fc}",
        "Host: {addr}\r\nHost: x",
        "Host: x\r\nHost: {addr}",
        "Host: x\r\nX-Forwarded-Host: {addr}",
    ] {
        for target in ["/api/runtimes", "/healthz", "/"] {
            assert_eq!(status(&api, target, headers), "403", "{headers} {target}");
        }
    }
    assert_eq!(status(&api, "http://evil.example/healthz", "Host: {addr}"), "403");
}

#[tokio::test(flavor = "multi_thread")]
async fn ignores_malformed_forwarded_headers() {
    let api = TestApi::with_store(MemoryStore::default()).await;
    for headers in [
        "Host: {addr}",
        "Host: {addr}\r\nX-Forwarded-Proto: \"",
        "Host: {addr}\r\nX-Forwarded-Proto: file",
        "Host: {addr}\r\nX-Forwarded-Host: a b",
    ] {
        assert_eq!(status(&api, "/api/runtimes", headers), "200", "{headers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_request_target_like_api_gateway() {
    let api = TestApi::with_store(MemoryStore::default()).await;
    for (length, expected) in [(10_200, "200"), (10_300, "414"), (65_500, "414")] {
        assert_eq!(
            status(&api, &format!("/api/runtimes?x={}", "a".repeat(length)), "Host: {addr}"),
            expected
        );
    }
    for (length, expected) in [(10_000, "404"), (30_000, "414")] {
        assert_eq!(
            status(&api, &format!("/api/runtimes/{}/models/x", "\"".repeat(length)), "Host: {addr}"),
            expected
        );
    }
}
