//! What all routes share: tokens, scopes, body limits, unknown paths.

use doorbell_protocol::limits::BODY_BYTES;
use doorbell_shared::http::routes::{Function, ROUTES, Route};
use reqwest::{Method, RequestBuilder};

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, Target, acknowledged, callers, path};
use crate::{ApiResponse, Caller};

fn request(api: &Target, route: &Route) -> RequestBuilder {
    api.request(route.method.parse().unwrap(), &path(route, ABSENT_RUNTIME, ABSENT_REQUEST))
}

pub async fn requires_token_on_every_route(api: &Target) {
    for route in &ROUTES {
        assert_eq!(api.send(request(api, route)).await.status, 401, "{route:?}");
    }
}

pub async fn rejects_unknown_token_on_every_route(api: &Target) {
    let user = api.token(Caller::UserA);
    let basic = format!("Basic {user}");
    for route in &ROUTES {
        for header in ["Bearer dbu_unknown", "Bearer dbd_unknown", "Bearer unknown", "Bearer ", user, &basic]
        {
            let response = api.send(request(api, route).header("authorization", header)).await;
            assert_eq!(response.status, 401, "{route:?} {header}");
        }
    }
}

pub async fn rejects_token_of_other_scope_on_every_route(api: &Target) {
    for route in &ROUTES {
        let (caller, scope) = match callers(route)[0] {
            Caller::UserA => (Caller::DaemonA, "user"),
            _ => (Caller::UserA, "daemon"),
        };
        let response = api.send(request(api, route).bearer_auth(api.token(caller))).await;
        let expected = ApiResponse::error(403, &format!("the token lacks the scope \"{scope}\""));
        assert_eq!(response, expected, "{route:?}");
    }
}

pub async fn rejects_body_over_1_mib_on_every_route(api: &Target) {
    for route in &ROUTES {
        let send = |bytes: usize| {
            let request = request(api, route).bearer_auth(api.token(callers(route)[0]));
            api.send(request.header("content-type", "application/json").body(" ".repeat(bytes)))
        };
        let too_large = ApiResponse::error(413, "request body too large");
        assert_eq!(send(BODY_BYTES + 1).await, too_large, "{route:?}");
        assert_ne!(send(BODY_BYTES).await, too_large, "{route:?}");
    }
}

pub async fn rejects_malformed_body_on_every_route(api: &Target) {
    let reads_body = |route: &&Route| {
        use Function::{Forget, Initiate, Poll, Runtimes};
        !matches!(route.function, Initiate | Poll | Runtimes | Forget)
    };
    for route in ROUTES.iter().filter(reads_body) {
        for body in [&b""[..], b"{", b"null", b"[]", b"7", b"\"x\"", &[0xff, 0xfe]] {
            let path = path(route, ABSENT_RUNTIME, ABSENT_REQUEST);
            let response = api.post_raw(Caller::DaemonA, &path, body.to_vec()).await;
            assert_eq!(response, ApiResponse::error(400, "invalid request body"), "{route:?} {body:?}");
        }
    }
}

pub async fn unknown_path_is_not_found(api: &Target) {
    for path in ["/", "/api", "/api/runtimes/", "/api/daemon/unknown", "/api/runtimes/a/models/b/c"] {
        let request = api.request(Method::POST, path).bearer_auth(api.token(Caller::UserA));
        assert_eq!(api.send(request).await.status, 404, "{path}");
    }
}

/// API Gateway passes such a body on in base64.
pub async fn accepts_body_without_content_type(api: &Target) {
    let runtime = api.new_runtime().await;
    let request = api.request(Method::POST, "/api/daemon/heartbeat").bearer_auth(api.token(Caller::DaemonA));
    let response = api.send(request.body(format!(r#"{{"runtime_id":"{runtime}"}}"#))).await;
    assert_eq!(response, acknowledged());
}
