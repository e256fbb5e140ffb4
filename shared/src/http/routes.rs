//! The route table and the CORS settings. The local gateway uses them, and a test compares `template.yaml` with them.
//!
//! `{kind}` is a segment of [`RouteKind`], so that a new kind needs no route. The page has a table of its own, because the API's rules
//! for bodies, errors and tokens do not hold for it.

use doorbell_protocol::Scope;

use super::input::KIND_PARAMETER;
use crate::kinds::RouteKind;

/// A use case. Each is a Lambda function, except those of administrators, which share `administer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    Initiate,
    Poll,
    Cancel,
    Runtimes,
    Forget,
    Register,
    Deregister,
    Heartbeat,
    Report,
    Workspaces,
    Redeem,
    Enrol,
    ListTokens,
    IssueToken,
    RevokeToken,
    /// The files of the page.
    Page,
}

impl Function {
    /// The name of the Lambda function: that of its binary, and in `template.yaml` the end of its own.
    pub fn lambda(self) -> &'static str {
        match self {
            Self::Initiate => "initiate",
            Self::Poll => "poll",
            Self::Cancel => "cancel",
            Self::Runtimes => "runtimes",
            Self::Forget => "forget",
            Self::Register => "register",
            Self::Deregister => "deregister",
            Self::Heartbeat => "heartbeat",
            Self::Report => "report",
            Self::Workspaces => "workspaces",
            Self::Redeem => "redeem",
            Self::Enrol | Self::ListTokens | Self::IssueToken | Self::RevokeToken => "administer",
            Self::Page => "page",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: &'static str,
    /// With API Gateway's `{names}` for parameters.
    pub path: &'static str,
    pub function: Function,
    /// The scope that the caller's token needs. `None`: the route has no authorizer, and anyone may call it.
    pub scope: Option<Scope>,
}

const fn user(method: &'static str, path: &'static str, function: Function) -> Route {
    Route { method, path, function, scope: Some(Scope::User) }
}

const fn daemon(method: &'static str, path: &'static str, function: Function) -> Route {
    Route { method, path, function, scope: Some(Scope::Daemon) }
}

const fn admin(method: &'static str, path: &'static str, function: Function) -> Route {
    Route { method, path, function, scope: Some(Scope::Admin) }
}

const fn public(method: &'static str, path: &'static str, function: Function) -> Route {
    Route { method, path, function, scope: None }
}

/// The API.
pub const ROUTES: [Route; 15] = [
    user("POST", "/api/runtimes/{runtimeId}/{kind}", Function::Initiate),
    user("GET", "/api/runtimes/{runtimeId}/{kind}/{requestId}", Function::Poll),
    user("DELETE", "/api/runtimes/{runtimeId}/{kind}/{requestId}", Function::Cancel),
    user("GET", "/api/runtimes", Function::Runtimes),
    user("DELETE", "/api/runtimes/{runtimeId}", Function::Forget),
    daemon("POST", "/api/daemon/register", Function::Register),
    daemon("POST", "/api/daemon/deregister", Function::Deregister),
    daemon("POST", "/api/daemon/heartbeat", Function::Heartbeat),
    daemon("POST", "/api/daemon/runtimes/{runtimeId}/{kind}/{requestId}/result", Function::Report),
    daemon("GET", "/api/daemon/workspaces", Function::Workspaces),
    public("POST", "/api/enrolments/redeem", Function::Redeem),
    admin("POST", "/api/enrolments", Function::Enrol),
    admin("GET", "/api/tokens", Function::ListTokens),
    admin("POST", "/api/tokens", Function::IssueToken),
    admin("DELETE", "/api/tokens/{tokenId}", Function::RevokeToken),
];

/// The page: its document, script and styles, and its settings.
pub const PAGE_ROUTES: [Route; 4] = [
    public("GET", "/", Function::Page),
    public("GET", "/page.js", Function::Page),
    public("GET", "/page.css", Function::Page),
    public("GET", "/page.json", Function::Page),
];

/// The API and the page.
pub fn all() -> impl Iterator<Item = Route> {
    ROUTES.into_iter().chain(PAGE_ROUTES)
}

/// The API's route of a path, which a stage or a custom domain may have prefixed.
pub fn find(method: &str, path: &str) -> Option<Route> {
    // A base path may be `/api` itself.
    path.match_indices(PREFIX).find_map(|(start, _)| {
        let path = path.get(start..)?;
        ROUTES.into_iter().find(|route| route.method == method && route.parameters(path).is_some())
    })
}

/// The beginning of every route of the API.
const PREFIX: &str = "/api/";

/// The request headers of web clients.
pub const CORS_HEADERS: [&str; 9] = [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "X-Request-ID",
    "X-Workspace-Slug",
    "X-CSRF-Token",
    "X-Client-Platform",
    "X-Client-Version",
    "X-Client-OS",
];

/// The methods of the API.
pub const CORS_METHODS: [&str; 4] = ["GET", "POST", "DELETE", "OPTIONS"];

/// The response headers that scripts may read.
pub const CORS_EXPOSED_HEADERS: [&str; 2] = ["Retry-After", "Link"];

/// How long a browser may cache a preflight's response, in seconds.
pub const CORS_MAX_AGE_SECONDS: u64 = 600;

impl Route {
    /// The parameters of `path`, if it matches. A parameter is one non-empty segment.
    pub fn parameters<'p>(&self, path: &'p str) -> Option<Vec<(&'static str, &'p str)>> {
        let pattern: Vec<_> = self.path.split('/').collect();
        let path: Vec<_> = path.split('/').collect();
        if pattern.len() != path.len() {
            return None;
        }
        let mut parameters = Vec::new();
        for (expected, segment) in pattern.into_iter().zip(path) {
            match expected.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) if !segment.is_empty() => parameters.push((name, segment)),
                None if expected == segment => {}
                _ => return None,
            }
        }
        Some(parameters)
    }

    /// Whether `path` exists on this route: it matches, and its kind has the route. Only the routes of every kind can cancel.
    pub fn serves(&self, path: &str) -> bool {
        let Some(parameters) = self.parameters(path) else { return false };
        let segment = parameters.into_iter().find(|(name, _)| *name == KIND_PARAMETER);
        match segment.map(|(_, segment)| RouteKind::of_segment(segment)) {
            None | Some(Some(RouteKind::Any)) => true,
            Some(Some(RouteKind::BuiltIn(_))) => self.function != Function::Cancel,
            Some(None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::BUILT_IN;

    fn functions_of(path: &str) -> Vec<Function> {
        all().filter(|route| route.parameters(path).is_some()).map(|route| route.function).collect()
    }

    #[test]
    fn path_matches_one_route() {
        assert_eq!(functions_of("/api/runtimes/a/models"), [Function::Initiate]);
        assert_eq!(functions_of("/api/runtimes/a/models/b"), [Function::Poll, Function::Cancel]);
        assert_eq!(functions_of("/api/runtimes/a"), [Function::Forget]);
        assert_eq!(functions_of("/api/daemon/runtimes/a/models/b/result"), [Function::Report]);
        assert_eq!(functions_of("/api/enrolments/redeem"), [Function::Redeem]);
        for path in ["/", "/page.js", "/page.css", "/page.json"] {
            assert_eq!(functions_of(path), [Function::Page], "{path}");
        }
    }

    #[test]
    fn kind_of_path_decides_its_methods() {
        let methods = |path: &str| -> Vec<_> {
            ROUTES.iter().filter(|route| route.serves(path)).map(|route| route.method).collect()
        };
        for kind in BUILT_IN.iter().map(|kind| kind.segment).chain(["requests"]) {
            assert_eq!(methods(&format!("/api/runtimes/a/{kind}")), ["POST"]);
            assert_eq!(methods(&format!("/api/daemon/runtimes/a/{kind}/b/result")), ["POST"]);
        }
        for kind in BUILT_IN {
            assert_eq!(methods(&format!("/api/runtimes/a/{}/b", kind.segment)), ["GET"]);
        }
        assert_eq!(methods("/api/runtimes/a/requests/b"), ["GET", "DELETE"]);
        for path in ["/api/runtimes/a/other", "/api/runtimes/a/other/b", "/api/daemon/runtimes/a/b/c/result"]
        {
            assert_eq!(methods(path), [""; 0], "{path}");
        }
    }

    #[test]
    fn finds_route_behind_stage_or_base_path() {
        let find = |method: &str, path: &str| find(method, path).map(|route| route.function);
        for path in ["/api/tokens", "/prod/api/tokens", "/a/b/api/tokens", "/api/v1/api/tokens"] {
            assert_eq!(find("GET", path), Some(Function::ListTokens), "{path}");
            assert_eq!(find("POST", path), Some(Function::IssueToken), "{path}");
            assert_eq!(find("DELETE", &format!("{path}/api")), Some(Function::RevokeToken), "{path}");
        }
        for (method, path) in [("GET", "/tokens"), ("PUT", "/api/tokens"), ("GET", ""), ("GET", "/api/")] {
            assert_eq!(find(method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn only_redemption_and_page_are_public() {
        let public = all().filter(|route| route.scope.is_none() && route.function != Function::Page);
        assert_eq!(public.map(|route| route.function).collect::<Vec<_>>(), [Function::Redeem]);
    }

    #[test]
    fn other_paths_match_none() {
        for path in [
            "",
            "//",
            "/page",
            "/page.js/",
            "/page.html",
            "/api",
            "/api/runtimes/",
            "/api/runtimes//models",
            "/api/runtimes/a/models/",
            "/API/runtimes",
        ] {
            assert_eq!(functions_of(path), [], "{path}");
        }
    }

    #[test]
    fn parameters_are_named_as_in_path() {
        let parameters = ROUTES[1].parameters("/api/runtimes/a/models/b").unwrap();
        assert_eq!(parameters, [("runtimeId", "a"), ("kind", "models"), ("requestId", "b")]);
    }
}
