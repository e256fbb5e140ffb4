//! What `openapi.yaml` says that each function answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use doorbell_shared::http::routes::{Function, ROUTES};
use serde_json::Value;

/// The error texts of each operation and status; none for a success.
static DOCUMENTED: LazyLock<BTreeMap<(String, u16), BTreeSet<String>>> = LazyLock::new(|| {
    let document = &document();
    let operations = document["paths"].as_object().unwrap().values().flat_map(operations);
    let responses = operations.flat_map(|operation| {
        let name = operation["operationId"].as_str().unwrap();
        operation["responses"].as_object().unwrap().iter().map(move |(status, response)| {
            ((name.to_owned(), status.parse().unwrap()), texts(document, response))
        })
    });
    responses.collect()
});

fn document() -> Value {
    serde_yaml_ng::from_str(include_str!("../../../../openapi.yaml")).unwrap()
}

fn operations(path: &Value) -> impl Iterator<Item = &Value> {
    ["get", "post"].into_iter().filter_map(|method| path.get(method))
}

/// Every text of `error` that the response's schema allows, through references.
fn texts(document: &Value, response: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect_texts(
        document,
        &resolved(document, response)["content"]["application/json"]["schema"],
        &mut found,
    );
    found
}

fn collect_texts(document: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    let error = &schema["properties"]["error"];
    let constant = error.get("const").into_iter();
    let listed = error.get("enum").and_then(Value::as_array).into_iter().flatten();
    found.extend(constant.chain(listed).filter_map(Value::as_str).map(str::to_owned));
    if schema.get("$ref").is_some() {
        collect_texts(document, resolved(document, schema), found);
    }
}

fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let reference = value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    reference.map_or(value, |path| document.pointer(path).unwrap())
}

/// The function's name, which is its operation's.
pub(crate) fn name(function: Function) -> String {
    format!("{function:?}").to_lowercase()
}

/// Whether `function` may answer with that status.
pub(crate) fn is_status(function: Function, status: u16) -> bool {
    DOCUMENTED.contains_key(&(name(function), status))
}

/// Whether `function` may say that with an error's status.
pub(crate) fn is_error(function: Function, status: u16, text: &str) -> bool {
    DOCUMENTED.get(&(name(function), status)).is_some_and(|texts| texts.contains(text))
}

#[test]
fn every_route_is_documented_and_no_other() {
    let document = document();
    let paths = document["paths"].as_object().unwrap().iter();
    let documented = paths.flat_map(|(path, item)| {
        let of_path = ["get", "post"].into_iter().filter_map(move |method| Some((method, item.get(method)?)));
        of_path.map(move |(method, operation)| {
            format!("{} {path} {}", method.to_uppercase(), operation["operationId"].as_str().unwrap())
        })
    });
    let expected =
        ROUTES.iter().map(|route| format!("{} {} {}", route.method, route.path, name(route.function)));
    assert_eq!(documented.collect::<BTreeSet<_>>(), expected.collect());
}
