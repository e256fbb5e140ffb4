//! The template as a tree, and its functions by the name of their binary.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

pub(crate) fn template() -> Value {
    serde_yaml_ng::from_str(include_str!("../../../../template.yaml")).unwrap()
}

/// The resources of a type by logical id.
pub(crate) fn resources(kind: &str) -> BTreeMap<String, Value> {
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap().iter();
    let of_kind = resources.filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(id, resource)| (text(id), resource.clone())).collect()
}

/// The properties of the functions by binary name.
pub(crate) fn functions() -> BTreeMap<String, Value> {
    let functions = resources("AWS::Serverless::Function").into_values();
    functions
        .map(|function| {
            (text(&function["Metadata"]["BuildProperties"]["Binary"]), function["Properties"].clone())
        })
        .collect()
}

/// A text, also one under a tag such as `!Sub`.
pub(crate) fn text(value: &Value) -> String {
    untagged(value).as_str().unwrap().to_owned()
}

/// The texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    untagged(value).as_sequence().unwrap().iter().map(text).collect()
}

/// The values of a map; none of anything else.
pub(crate) fn values(value: &Value) -> Vec<Value> {
    value.as_mapping().unwrap_or(&Mapping::new()).values().cloned().collect()
}

/// An intrinsic function as it is written in the template, such as `!Ref Table`.
pub(crate) fn intrinsic(value: &Value) -> String {
    let Value::Tagged(tagged) = value else { return text(value) };
    format!("{} {}", tagged.tag, text(&tagged.value))
}

fn untagged(value: &Value) -> &Value {
    match value {
        Value::Tagged(tagged) => &tagged.value,
        other => other,
    }
}
