//! `openapi.yaml` as a tree.

use doorbell_shared::http::routes::Function;
use serde_json::Value;

/// The id of a function's operation: `poll` for models, `pollLocalSkills` for the segment `local-skills`. Paths without a kind have
/// no segment.
pub(crate) fn operation_id(function: Function, segment: Option<&str>) -> String {
    let function = format!("{function:?}");
    let function = format!("{}{}", function[..1].to_lowercase(), &function[1..]);
    match segment {
        None | Some("models") => function,
        Some(segment) => {
            let capitalized =
                segment.split('-').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..]));
            function + &capitalized.collect::<String>()
        }
    }
}

pub(crate) fn document() -> Value {
    serde_yaml_ng::from_str(include_str!("../../../../../openapi.yaml")).unwrap()
}

/// Follows a local `$ref`.
pub(crate) fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let reference = value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
    reference.map_or(value, |path| document.pointer(path).unwrap())
}
