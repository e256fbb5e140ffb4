//! `openapi.yaml` as a tree.

use serde_json::Value;

pub(crate) fn document() -> Value {
    serde_yaml_ng::from_str(include_str!("../../../../openapi.yaml")).unwrap()
}

/// Follows a local `$ref`.
pub(crate) fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let reference = value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    reference.map_or(value, |path| document.pointer(path).unwrap())
}
