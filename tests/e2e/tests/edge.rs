//! What the local gateway answers by itself, to the letter: tokens, and what is not there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::net::TcpStream;

use doorbell_shared::http::routes::{ROUTES, Route};
use doorbell_test_support::{ApiResponse, TestApi};
use reqwest::Method;
use serde_json::json;

/// A call that announces a body and does not send it.
const STALLED: &[u8] = b"POST /api/daemon/heartbeat HTTP/1.1\r\nhost: localhost\r\n\
    authorization: Bearer dbd_dev_a\r\ncontent-length: 100\r\n\r\n{";

/// A route's path, with ids that nothing has.
fn path(route: &Route) -> String {
    route
        .path
        .replace("{runtimeId}", "11111111-2222-4333-8444-555555555555")
        .replace("{requestId}", "01930000000070008000000000000001")
}

fn method(route: &Route) -> Method {
    route.method.parse().unwrap()
}

#[tokio::test]
async fn no_token_or_an_unknown_one_is_unauthenticated_on_every_route() {
    let api = TestApi::start().await;
    for route in &ROUTES {
        for authorization in
            [None, Some("Bearer dbu_nobody"), Some("Bearer "), Some("dbu_dev_a"), Some("Basic dbu_dev_a")]
        {
            let mut request = api.request(method(route), &path(route));
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let answer = api.send(request).await;
            assert_eq!(
                answer,
                ApiResponse::error(401, "a valid bearer token is required"),
                "{route:?} {authorization:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_path_that_is_no_route_is_not_found() {
    let api = TestApi::start().await;
    for path in
        ["/", "/api", "/api/runtimes/", "/api/daemon/nothing", "/healthz/", "/api/runtimes/a/models/b/c"]
    {
        let request = api.request(Method::POST, path).bearer_auth("dbu_dev_a");
        assert_eq!(api.send(request).await, ApiResponse::error(404, "not found"), "{path}");
    }
}

#[tokio::test]
async fn another_method_of_a_route_is_not_allowed_and_the_right_one_is_named() {
    let api = TestApi::start().await;
    for route in &ROUTES {
        for other in [Method::PUT, Method::DELETE, Method::PATCH] {
            let response = api.request(other, &path(route)).bearer_auth("dbu_dev_a").send().await.unwrap();
            assert_eq!(
                (response.status().as_u16(), &response.headers()["allow"]),
                (405, &route.method.parse().unwrap())
            );
        }
    }
}

/// Each of them kept a place among those that are served at once, and enough of them everybody out.
#[tokio::test]
async fn clients_that_stall_in_their_bodies_keep_nobody_waiting() {
    let api = TestApi::start().await;
    let runtime = api.runtime().await;
    let addr = api.url().replace("http://", "");
    let stalled: Vec<_> = (0..64)
        .map(|_| {
            let mut stream = TcpStream::connect(&addr).unwrap();
            stream.write_all(STALLED).unwrap();
            stream
        })
        .collect();
    // The API is served by this thread: here it takes them all in.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(api.heartbeat(&runtime).await, ApiResponse::ok(json!({"status": "ok"})));
    drop(stalled);
}
