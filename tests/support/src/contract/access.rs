//! What all routes share: tokens, scopes, body limits, unknown paths.

use doorbell_protocol::Scope;
use doorbell_protocol::limits::BODY_BYTES;
use doorbell_shared::http::routes::{Function, ROUTES, Route};
use reqwest::{Method, RequestBuilder};

use super::{ABSENT_REQUEST, ABSENT_RUNTIME, Target, acknowledged, callers, paths};
use crate::{ApiResponse, Caller};

/// Every route, with the path of each kind that has it.
fn all_routes() -> impl Iterator<Item = (&'static Route, String)> {
    ROUTES.iter().flat_map(|route| {
        paths(route, ABSENT_RUNTIME, ABSENT_REQUEST).into_iter().map(move |path| (route, path))
    })
}

/// Every route with an authorizer.
fn routes() -> impl Iterator<Item = (&'static Route, String)> {
    all_routes().filter(|(route, _)| route.scope.is_some())
}

fn request(api: &Target, route: &Route, path: &str) -> RequestBuilder {
    api.request(route.method.parse().unwrap(), path)
}

pub async fn requires_token_on_every_route(api: &Target) {
    for (route, path) in routes() {
        assert_eq!(api.send(request(api, route, &path)).await.status, 401, "{} {path}", route.method);
    }
}

pub async fn rejects_unknown_token_on_every_route(api: &Target) {
    let user = api.token(Caller::UserA);
    let basic = format!("Basic {user}");
    for (route, path) in routes() {
        for header in ["Bearer dbu_unknown", "Bearer dbd_unknown", "Bearer unknown", "Bearer ", user, &basic]
        {
            let response = api.send(request(api, route, &path).header("authorization", header)).await;
            assert_eq!(response.status, 401, "{} {path} {header}", route.method);
        }
    }
}

pub async fn rejects_token_of_other_scope_on_every_route(api: &Target) {
    for (route, path) in routes() {
        let callers =
            [(Scope::User, Caller::UserA), (Scope::Daemon, Caller::DaemonA), (Scope::Admin, Caller::AdminA)];
        let needed = route.scope.unwrap();
        for (_, caller) in callers.into_iter().filter(|(scope, _)| *scope != needed) {
            let response = api.send(request(api, route, &path).bearer_auth(api.token(caller))).await;
            let expected = ApiResponse::error(403, &format!("the token lacks the scope \"{needed}\""));
            assert_eq!(response, expected, "{} {path} {caller:?}", route.method);
        }
    }
}

pub async fn rejects_body_over_1_mib_on_every_route(api: &Target) {
    for (route, path) in all_routes() {
        let send = |bytes: usize| {
            let request = request(api, route, &path).bearer_auth(api.token(callers(route)[0]));
            api.send(request.header("content-type", "application/json").body(" ".repeat(bytes)))
        };
        let too_large = ApiResponse::error(413, "request body too large");
        assert_eq!(send(BODY_BYTES + 1).await, too_large, "{} {path}", route.method);
        assert_ne!(send(BODY_BYTES).await, too_large, "{} {path}", route.method);
    }
}

pub async fn rejects_malformed_body_on_every_route(api: &Target) {
    let reads_body = |(route, path): &(&Route, String)| match route.function {
        Function::Initiate => path.ends_with("/requests"),
        Function::Poll
        | Function::Cancel
        | Function::Runtimes
        | Function::Forget
        | Function::Workspaces
        | Function::ListTokens
        | Function::RevokeToken
        | Function::Page => false,
        Function::Register
        | Function::Deregister
        | Function::Heartbeat
        | Function::Report
        | Function::Redeem
        | Function::Enrol
        | Function::IssueToken => true,
    };
    for (route, path) in all_routes().filter(reads_body) {
        for body in [&b""[..], b"{", b"null", b"[]", b"7", b"\"x\"", &[0xff, 0xfe]] {
            let response = api.post_raw(callers(route)[0], &path, body.to_vec()).await;
            assert_eq!(response, ApiResponse::error(400, "invalid request body"), "{path} {body:?}");
        }
    }
}

pub async fn unknown_path_is_not_found(api: &Target) {
    let unknown_kinds = ["/api/runtimes/a/other", "/api/runtimes/a/model_list"];
    for path in ["/page", "/api", "/api/runtimes/", "/api/daemon/unknown", "/api/runtimes/a/models/b/c"]
        .into_iter()
        .chain(unknown_kinds)
    {
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
