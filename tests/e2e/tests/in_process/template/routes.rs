//! The routes of API Gateway against the route table.

use std::collections::{BTreeMap, BTreeSet};

use doorbell_shared::http::routes;
use serde_yaml_ng::Value;

use crate::template::yaml::{functions, template, text, values, written};

/// A function's routes, as "METHOD path", by the name of its binary.
type Routes = BTreeMap<String, BTreeSet<String>>;

/// The route table.
fn expected() -> Routes {
    let mut expected = Routes::new();
    for route in routes::all() {
        let routes = expected.entry(route.function.lambda().to_owned()).or_default();
        routes.insert(format!("{} {}", route.method, route.path));
    }
    expected
}

#[test]
fn deploys_exactly_the_routes() {
    let route = |event: Value| {
        format!("{} {}", text(&event["Properties"]["Method"]), text(&event["Properties"]["Path"]))
    };
    let routes =
        |function: Value| values(&function["Events"]).into_iter().map(route).collect::<BTreeSet<_>>();
    let mut deployed: Routes =
        functions().into_iter().map(|(binary, function)| (binary, routes(function))).collect();
    // API Gateway calls the authorizer without a route, and IoT Core the others.
    for binary in ["authorizer", "connect", "presence"] {
        assert_eq!(deployed.remove(binary), Some(BTreeSet::new()), "{binary}");
    }
    assert_eq!(deployed, expected());
}

/// `doorbell dev --functions` and the scripts of `localstack/` find the functions by these names.
#[test]
fn functions_are_named_after_stack_and_binary() {
    for (binary, function) in functions() {
        let name = format!("${{AWS::StackName}}-{binary}");
        assert_eq!(function["FunctionName"], written(&format!("!Sub {name}")), "{binary}");
    }
}

/// A route without it is public.
#[test]
fn every_route_with_a_scope_has_the_authorizer() {
    let auth = &template()["Resources"]["Api"]["Properties"]["Auth"];
    assert_eq!(auth.get("DefaultAuthorizer"), None);
    let authorizer = &auth["Authorizers"]["Tokens"];
    assert_eq!(authorizer["EnableSimpleResponses"], true);
    assert_eq!(text(&authorizer["AuthorizerPayloadFormatVersion"]), "2.0");
    let public = routes::all().filter(|route| route.scope.is_none());
    let public: BTreeSet<_> = public.map(|route| (route.method.to_owned(), route.path.to_owned())).collect();
    for event in functions().into_values().flat_map(|function| values(&function["Events"])) {
        let event = &event["Properties"];
        let is_public = public.contains(&(text(&event["Method"]), text(&event["Path"])));
        let expected = (!is_public).then(|| written("{ Authorizer: Tokens }"));
        assert_eq!(event.get("Auth"), expected.as_ref(), "{event:?}");
    }
}

/// Anyone can call a public route, so it has a limit of its own.
#[test]
fn public_routes_are_throttled() {
    let settings = &template()["Resources"]["Api"]["Properties"]["RouteSettings"];
    let settings = settings.as_mapping().unwrap();
    let public = routes::all().filter(|route| route.scope.is_none());
    let public: BTreeSet<_> = public.map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(settings.keys().map(text).collect::<BTreeSet<_>>(), public);
    for limits in settings.values() {
        assert!(limits["ThrottlingRateLimit"].as_u64().unwrap() <= 10, "{limits:?}");
        assert!(limits["ThrottlingBurstLimit"].as_u64().unwrap() <= 50, "{limits:?}");
    }
}
