//! The responses of each function in `openapi.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use doorbell_shared::http::routes::Function;
use serde_json::Value;

use crate::openapi::document::{document, operation_id, resolve};

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
    collect_error(error, found);
    if schema.get("$ref").is_some() {
        collect_texts(document, resolve(document, schema), found);
    }
}

/// A pattern `^text` is kept as it is.
fn collect_error(error: &Value, found: &mut BTreeSet<String>) {
    for part in error.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        collect_error(part, found);
    }
    let constant = error.get("const").into_iter();
    let listed = error.get("enum").and_then(Value::as_array).into_iter().flatten();
    let pattern = error.get("pattern").into_iter();
    found.extend(constant.chain(listed).chain(pattern).filter_map(Value::as_str).map(str::to_owned));
}

pub(crate) fn is_status(function: Function, segment: Option<&str>, status: u16) -> bool {
    DOCUMENTED.contains_key(&(operation_id(function, segment), status))
}

pub(crate) fn is_error(function: Function, segment: Option<&str>, status: u16, text: &str) -> bool {
    let is_text = |documented: &String| match documented.strip_prefix('^') {
        Some(prefix) => text.starts_with(prefix),
        None => documented == text,
    };
    DOCUMENTED.get(&(operation_id(function, segment), status)).is_some_and(|texts| texts.iter().any(is_text))
}
