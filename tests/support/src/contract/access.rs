//! What every route has in common: tokens, scopes, sizes, and what is not there.

use doorbell_protocol::limits::BODY_BYTES;
use doorbell_shared::http::routes::{ROUTES, Route};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, callers, path};
use crate::{ApiResponse, Caller, Client};

fn knock(api: &Client, route: &Route) -> RequestBuilder {
    api.request(route.method.parse().unwrap(), &path(route, ABSENT_RUNTIME, ABSENT_REQUEST))
}

pub async fn are_shut_without_a_token_on_every_route(api: &Client) {
    for route in &ROUTES {
        assert_eq!(api.send(knock(api, route)).await.status, 401, "{route:?}");
    }
}

pub async fn are_shut_to_a_token_that_nobody_issued_on_every_route(api: &Client) {
    for route in &ROUTES {
        for token in ["dbu_nobody", "dbd_nobody", "nobody"] {
            let answer = api.send(knock(api, route).bearer_auth(token)).await;
            assert_eq!(answer.status, 401, "{route:?} {token}");
        }
    }
}

pub async fn are_shut_to_a_token_of_the_other_scope_on_every_route(api: &Client) {
    for route in &ROUTES {
        let (caller, scope) = match callers(route)[0] {
            Caller::UserA => (Caller::DaemonA, "user"),
            _ => (Caller::UserA, "daemon"),
        };
        let answer = api.send(knock(api, route).bearer_auth(api.token(caller))).await;
        let expected = ApiResponse::error(403, &format!("the token lacks the scope \"{scope}\""));
        assert_eq!(answer, expected, "{route:?}");
    }
}

pub async fn are_too_narrow_for_a_body_over_one_megabyte_on_every_route(api: &Client) {
    for route in &ROUTES {
        let send = |bytes: usize| {
            let request = knock(api, route).bearer_auth(api.token(callers(route)[0]));
            api.send(request.header("content-type", "application/json").body(" ".repeat(bytes)))
        };
        let too_large = ApiResponse::error(413, "request body too large");
        assert_eq!(send(BODY_BYTES + 1).await, too_large, "{route:?}");
        assert_ne!(send(BODY_BYTES).await, too_large, "{route:?}");
    }
}

pub async fn lead_nowhere_on_a_path_that_is_no_route(api: &Client) {
    for path in ["/", "/api", "/api/daemon/nothing", "/api/runtimes/a/models/b/c"] {
        let request = api.request(Method::POST, path).bearer_auth(api.token(Caller::UserA));
        assert_eq!(api.send(request).await.status, 404, "{path}");
    }
}

/// API Gateway hands such a body on in base64.
pub async fn let_a_body_without_a_content_type_through_whole(api: &Client) {
    let runtime = api.new_runtime().await;
    let request = api.request(Method::POST, "/api/daemon/heartbeat").bearer_auth(api.token(Caller::DaemonA));
    let answer = api.send(request.body(format!(r#"{{"runtime_id":"{runtime}"}}"#))).await;
    assert_eq!(answer, ApiResponse::ok(json!({"status": "ok"})));
}
