//! The responses of each function in `openapi.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use doorbell_shared::http::routes::Function;
use serde_json::Value;

use crate::openapi::{document, resolve};

/// The error texts by operation and status; empty for a success.
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

fn operations(path: &Value) -> impl Iterator<Item = &Value> {
    ["get", "post", "delete"].into_iter().filter_map(|method| path.get(method))
}

/// The `error` texts that the schema of the response allows.
fn texts(document: &Value, response: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect_texts(
        document,
        &resolve(document, response)["content"]["application/json"]["schema"],
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
        collect_texts(document, resolve(document, schema), found);
    }
}

/// The id of the function's operation.
pub(crate) fn name(function: Function) -> String {
    format!("{function:?}").to_lowercase()
}

pub(crate) fn is_status(function: Function, status: u16) -> bool {
    DOCUMENTED.contains_key(&(name(function), status))
}

pub(crate) fn is_error(function: Function, status: u16, text: &str) -> bool {
    DOCUMENTED.get(&(name(function), status)).is_some_and(|texts| texts.contains(text))
}
